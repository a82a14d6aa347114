"""S6: `?session_key=` of a Django session that ends after two minutes. Until then it opens any number of sockets."""

from channels.db import database_sync_to_async
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils.crypto import constant_time_compare

from gate.middleware.base import UserMiddleware, query_param
from gate.users import active_user

FOR_SOCKETS = "for_sockets"


class SessionKeyMiddleware(UserMiddleware):
    async def user_of(self, scope):
        key = query_param(scope, "session_key")
        return key and await database_sync_to_async(self.user_of_key)(key)

    @staticmethod
    def user_of_key(key):
        # An expired or unknown session loads as an empty one. One of a login is no key: it belongs into its cookie.
        session = SessionStore(session_key=key)
        user = active_user(session.get(SESSION_KEY)) if session.get(FOR_SOCKETS) else None
        # As Django's own login does it: with the password changed, what was issued before is over.
        is_current = user and constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
        return user if is_current else None
