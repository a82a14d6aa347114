"""A login of two steps: a password, then a code. The first answer has a token for the second step, which is used once."""

import secrets

from django.conf import settings
from django.contrib.auth import authenticate
from django.core.cache import cache
from rest_framework import status
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.response import Response
from rest_framework_simplejwt.tokens import RefreshToken

from gate.text import text_of
from gate.users import active_user


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def password(request):
    """{username, password} → 202 {ephemeral_token, method}"""
    data = request.data if isinstance(request.data, dict) else {}
    user = authenticate(request, username=text_of(data.get("username")) or "", password=text_of(data.get("password")) or "")
    if user is None:
        return Response({"detail": "Wrong user or password."}, status=status.HTTP_401_UNAUTHORIZED)
    token = secrets.token_urlsafe(32)
    cache.set(_key(token), user.pk, timeout=300)
    return Response({"ephemeral_token": token, "method": "app"}, status=status.HTTP_202_ACCEPTED)


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def code(request):
    """{ephemeral_token, code} → {access, refresh}. A real one asks the user's authenticator; this one has one code for all."""
    data = request.data if isinstance(request.data, dict) else {}
    key = _key(text_of(data.get("ephemeral_token")) or "")
    user_id = cache.get(key)
    user = user_id and cache.delete(key) and active_user(user_id)
    if not user or not secrets.compare_digest(str(data.get("code", "")).encode(errors="replace"), settings.EXAMPLE_CODE):
        return Response({"detail": "Wrong or expired code."}, status=status.HTTP_401_UNAUTHORIZED)
    refresh = RefreshToken.for_user(user)
    return Response({"access": str(refresh.access_token), "refresh": str(refresh)}, headers={"Cache-Control": "no-store"})


def _key(token):
    return "second-step:" + token
