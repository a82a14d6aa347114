"""Middlewares that put `scope["user"]`: a user, or None for whoever could not prove to be one.

They never close and never answer: the consumer refuses before it accepts, which the browser sees as a failed handshake (HTTP 403).
"""

from urllib.parse import parse_qs

from django.http import parse_cookie

from gate.text import text_of


class UserMiddleware:
    """Finds the user of a handshake; a subclass says how."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        # An empty credential is no user either: `or` lets nothing through but a user.
        found = await self.user_of(scope) or None
        # A token may end: a middleware that knows when returns that, too.
        user, ends = found if isinstance(found, tuple) else (found, None)
        return await self.app(dict(scope, user=user, ends=ends), receive, send)

    async def user_of(self, scope):
        """The user, or None; or both the user and when the token ends, in seconds since 1970."""
        raise NotImplementedError


def query_param(scope, name):
    """One parameter of the query, or None. A parameter that is not there is no error of the server's."""
    query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=100)
    return text_of(query.get(name, [None])[0])


def header(scope, name):
    """One header of the handshake, or None."""
    return text_of(next((value.decode("latin-1") for key, value in scope["headers"] if key == name.encode()), None))


def cookie(scope, name):
    """One cookie of the handshake, or None. Django's own reading: one odd cookie of another app hides no other."""
    return parse_cookie(header(scope, "cookie") or "").get(name)
