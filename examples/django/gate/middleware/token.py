"""S2: `?token=<DRF token>`. It does not expire, so in a log it is good for ever: prefer a ticket."""

from gate.middleware.base import UserMiddleware, query_param
from gate.users import user_of_drf_token


class QueryTokenMiddleware(UserMiddleware):
    async def user_of(self, scope):
        token = query_param(scope, "token")
        return token and await user_of_drf_token(token)
