"""S1: `?token=<access JWT>` of simplejwt. The token lands in access logs: prefer a ticket."""

from gate.middleware.base import UserMiddleware, query_param
from gate.users import user_of_access_token


class QueryJwtMiddleware(UserMiddleware):
    async def user_of(self, scope):
        token = query_param(scope, "token")
        return token and await user_of_access_token(token)
