"""Who a credential belongs to. Every function gives a user who may come in, with the end of the token where it has one, or None."""

from channels.db import database_sync_to_async
from django.contrib.auth import get_user_model

from gate.endings import has_left_since


def active_user(user_id):
    """The user of an id, unless they are gone or no longer let in. What is no id, such as a list, is nobody's."""
    try:
        return get_user_model().objects.filter(pk=user_id, is_active=True).first()
    except (TypeError, ValueError, OverflowError):
        return None


@database_sync_to_async
def user_of_id(user_id):
    return active_user(user_id)


@database_sync_to_async
def user_of_access_token(token):
    """simplejwt. `AccessToken` checks signature, expiry and kind; `UntypedToken` would take a refresh token, too."""
    from rest_framework_simplejwt.exceptions import TokenError
    from rest_framework_simplejwt.settings import api_settings
    from rest_framework_simplejwt.tokens import AccessToken

    try:
        claims = AccessToken(token)
        user = active_user(claims[api_settings.USER_ID_CLAIM])
    except (TokenError, KeyError, ValueError, OverflowError):
        return None
    # The socket ends with the token.
    return user and not has_left_since(user.pk, claims.get("iat", 0)) and (user, claims["exp"])


@database_sync_to_async
def user_of_drf_token(key):
    """DRF's authtoken."""
    from rest_framework.authtoken.models import Token

    token = Token.objects.select_related("user").filter(key=key, user__is_active=True).first()
    return token and token.user


@database_sync_to_async
def user_of_drf_jwt(token):
    """drf-jwt."""
    import jwt
    from rest_framework_jwt.authentication import JSONWebTokenAuthentication

    try:
        payload = JSONWebTokenAuthentication.jwt_decode_token(token)
        # One key may sign tokens of several kinds: simplejwt's name theirs, and a refresh token opens no socket.
        user = None if "token_type" in payload else active_user(payload.get("user_id"))
    except (jwt.PyJWTError, ValueError, OverflowError):
        return None
    return user and (user, payload["exp"])
