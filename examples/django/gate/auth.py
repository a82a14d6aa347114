"""simplejwt's authentication, which also knows of a logout everywhere."""

from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken

from gate.endings import has_left_since


class AccessTokenAuthentication(JWTAuthentication):
    def get_user(self, validated_token):
        user = super().get_user(validated_token)
        if has_left_since(user.pk, validated_token.get("iat", 0)):
            raise InvalidToken("This user has logged out everywhere.")
        return user
