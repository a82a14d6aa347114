"""The endpoints that no package brings: tickets, session keys, and one to probe."""

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, authenticate
from django.contrib.sessions.backends.db import SessionStore
from django.conf import settings
from rest_framework import status
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.response import Response
from rest_framework_jwt.settings import api_settings as drf_jwt_settings
from rest_framework.throttling import ScopedRateThrottle
from rest_framework_simplejwt.tokens import AccessToken
from rest_framework_simplejwt.views import TokenObtainPairView

from gate import tickets
from gate.endings import log_out_everywhere
from gate.middleware.session_key import FOR_SOCKETS
from gate.text import text_of


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def auth(request):
    """S4: {user, pwd} → {token}. The seed asks by GET with a body, which no browser sends."""
    data = request.data if isinstance(request.data, dict) else {}
    user, password = text_of(data.get("user")), text_of(data.get("pwd"))
    if not (user and password):
        return Response({"error": "user and pwd are required"}, status=status.HTTP_400_BAD_REQUEST)
    known = authenticate(request, username=user, password=password)
    if known is None:
        return Response({"error": "wrong user or password"}, status=status.HTTP_401_UNAUTHORIZED)
    return _secret({"token": str(AccessToken.for_user(known))})


# region ticket
@api_view(["GET", "POST"])
def ws_ticket(request):
    """S4: {ticket, expires, origin}. A ticket is bound to the origin that asks; `origin` is null if nobody has named one, as a program does."""
    origin = tickets.origin_of(request)
    ticket, expires = tickets.issue(request.user.pk, origin)
    return _secret({"ticket": ticket, "expires": expires, "origin": origin})
# endregion ticket


@api_view(["POST"])
def ws_session_key(request):
    """S6: a session that ends after two minutes."""
    session = SessionStore()
    session[FOR_SOCKETS] = True
    session[SESSION_KEY] = str(request.user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = request.user.get_session_auth_hash()
    session.set_expiry(settings.SESSION_KEY_SECONDS)
    session.create()
    return _secret({"session_key": session.session_key})


@api_view(["GET"])
def protected(request):
    """What a client may probe: whoever gets 200 has a good credential."""
    return Response({"user": request.user.get_username()})


@api_view(["POST"])
def logout_everywhere(request):
    """Ends all that was issued to the user, and all sockets."""
    log_out_everywhere(request.user)
    return Response(status=status.HTTP_204_NO_CONTENT)


class ThrottledTokenView(TokenObtainPairView):
    """simplejwt's login, three times a minute. The next answer is 429 with `Retry-After`, which the CORS settings expose."""

    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "login"


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def forget_cookie(request):
    """S3: no script can delete the cookie, so the server does. Without authentication: a stale cookie must go, too."""
    response = Response(status=status.HTTP_204_NO_CONTENT)
    response.delete_cookie(drf_jwt_settings.JWT_AUTH_COOKIE, samesite="Lax")
    return response


def _secret(data):
    """An answer with a credential is not stored (RFC 6749 §5.1)."""
    return Response(data, headers={"Cache-Control": "no-store"})
