"""S3: the cookie `JWT` that the login of drf-jwt has set.

A browser sends it from any page of the site, so the check of the Origin around all sockets is what keeps other pages out.
"""

from rest_framework_jwt.settings import api_settings

from gate.middleware.base import UserMiddleware, cookie
from gate.users import user_of_drf_jwt


class JwtCookieMiddleware(UserMiddleware):
    async def user_of(self, scope):
        token = cookie(scope, api_settings.JWT_AUTH_COOKIE)
        return token and await user_of_drf_jwt(token)
