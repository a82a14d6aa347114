"""The HTTP side."""

from django.urls import include, path
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework_jwt.views import obtain_jwt_token, refresh_jwt_token
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from gate import views

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
    # what a client may probe when a handshake fails
    path("protected", views.protected),
]
