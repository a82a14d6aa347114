"""The HTTP side."""

from dj_rest_auth.views import LoginView, LogoutView
from django.contrib import admin
from django.urls import include, path
from dj_rest_auth.jwt_auth import get_refresh_view
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework_jwt.views import obtain_jwt_token, refresh_jwt_token
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from gate import session_views, two_steps, views

urlpatterns = [
    # simplejwt (S1): access and refresh tokens, rotated, the old one on the blacklist
    path("api/token/", TokenObtainPairView.as_view()),
    path("api/token/refresh/", TokenRefreshView.as_view()),
    # DRF's authtoken (S2, S5, S7)
    path("api-token-auth/", obtain_auth_token),
    # djoser: the same token, and simplejwt's under other paths
    path("auth/", include("djoser.urls.authtoken")),
    path("auth/", include("djoser.urls.jwt")),
    # drf-jwt (S3): the token in a cookie that no script can read
    path("drf-jwt/api-token-auth/", obtain_jwt_token),
    path("drf-jwt/api-token-refresh/", refresh_jwt_token),
    path("drf-jwt/logout/", views.forget_cookie),
    # tickets (S4) and session keys (S6)
    path("auth", views.auth),
    path("ws_ticket", views.ws_ticket),
    path("ws_session_key", views.ws_session_key),
    # Django's own session, with CSRF protection
    path("session/me/", session_views.me),
    path("session/login/", session_views.log_in),
    path("session/logout/", session_views.log_out),
    path("session/ws_ticket", session_views.ticket),
    # whoever is signed in here sends its cookies to all of the above, too
    path("admin/", admin.site.urls),
    # dj-rest-auth: the refresh token is in a cookie
    path("dj-rest-auth/login/", LoginView.as_view()),
    path("dj-rest-auth/logout/", LogoutView.as_view()),
    path("dj-rest-auth/token/refresh/", get_refresh_view().as_view()),
    # a login of two steps, and one that may be tried three times a minute
    path("mfa/login/", two_steps.password),
    path("mfa/login/code/", two_steps.code),
    path("throttled/token/", views.ThrottledTokenView.as_view()),
    path("logout/everywhere/", views.logout_everywhere),
    # what a client may probe when a handshake fails
    path("protected", views.protected),
]
