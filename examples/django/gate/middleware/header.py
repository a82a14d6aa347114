"""S7: `Authorization: Token <key>`. No browser lets a page set it; for native clients only."""

from gate.middleware.base import UserMiddleware, header
from gate.users import user_of_drf_token


class TokenHeaderMiddleware(UserMiddleware):
    async def user_of(self, scope):
        word, _, key = (header(scope, "authorization") or "").partition(" ")
        return await user_of_drf_token(key) if word.lower() == "token" and key else None
