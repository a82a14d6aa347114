"""HTTP and WebSocket by path. Each path of a socket has the middleware that knows its credential."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

# Models can be imported from here on.
from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.urls import re_path  # noqa: E402

from gate.consumers import FirstMessageConsumer, GroupConsumer, UserConsumer  # noqa: E402
from gate.middleware.cookie import JwtCookieMiddleware  # noqa: E402
from gate.middleware.django_session import DjangoSessionMiddleware  # noqa: E402
from gate.middleware.header import TokenHeaderMiddleware  # noqa: E402
from gate.middleware.jwt import QueryJwtMiddleware  # noqa: E402
from gate.middleware.session_key import SessionKeyMiddleware  # noqa: E402
from gate.middleware.ticket import TicketMiddleware  # noqa: E402
from gate.middleware.token import QueryTokenMiddleware  # noqa: E402
from gate.rooms import RoomsConsumer  # noqa: E402



async def not_found(scope, receive, send):
    """A path that nobody serves: 404 where the server can say that (uvicorn), else the 403 of every refused handshake (daphne)."""
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})
    else:
        await send({"type": "websocket.close"})


sockets = URLRouter(
    [
        re_path(r"^ws/jwt/$", QueryJwtMiddleware(UserConsumer.as_asgi())),
        re_path(r"^ws/app_(?P<group>\d{1,9})/$", QueryTokenMiddleware(GroupConsumer.as_asgi())),
        re_path(r"^ws/cookie/$", JwtCookieMiddleware(UserConsumer.as_asgi())),
        re_path(r"^channel/$", TicketMiddleware(UserConsumer.as_asgi())),
        re_path(r"^ws/rooms/$", TicketMiddleware(RoomsConsumer.as_asgi())),
        re_path(r"^ws/first/$", FirstMessageConsumer.as_asgi()),
        re_path(r"^ws/session/$", SessionKeyMiddleware(UserConsumer.as_asgi())),
        re_path(r"^ws/header/$", TokenHeaderMiddleware(UserConsumer.as_asgi())),
        re_path(r"^ws/django-session/$", AuthMiddlewareStack(DjangoSessionMiddleware(UserConsumer.as_asgi()))),
        re_path(r"", not_found),
    ]
)


class HeaderClients:
    """Native clients send no Origin; only the path whose credential no browser can send does without the check.

    A page of another origin has no such credential: it is refused.
    """

    def __init__(self):
        self.checked = AllowedHostsOriginValidator(sockets)

    async def __call__(self, scope, receive, send):
        is_native = scope["path"] == "/ws/header/"
        return await (sockets if is_native else self.checked)(scope, receive, send)


application = ProtocolTypeRouter({"http": django_application, "websocket": HeaderClients()})
