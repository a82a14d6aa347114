"""Django's own session: the cookie `sessionid`, as its `login()` sets it. To be put behind `AuthMiddlewareStack`."""

from gate.middleware.base import UserMiddleware


class DjangoSessionMiddleware(UserMiddleware):
    async def user_of(self, scope):
        user = scope["user"]
        return user if user.is_authenticated and user.is_active else None
