"""Who a credential belongs to. Every function gives a user who may come in, or None."""

from channels.db import database_sync_to_async
from django.contrib.auth import get_user_model


def active_user(user_id):
    """The user of an id, unless they are gone or no longer let in."""
    return get_user_model().objects.filter(pk=user_id, is_active=True).first()


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
        return active_user(claims[api_settings.USER_ID_CLAIM])
    except (TokenError, KeyError, ValueError):
        return None


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
        return None if "token_type" in payload else active_user(payload.get("user_id"))
    except (jwt.PyJWTError, ValueError):
        return None
