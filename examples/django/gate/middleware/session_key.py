"""S6: `?session_key=` of a Django session that ends after two minutes. Until then it opens any number of sockets."""

from channels.db import database_sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from gate.middleware.base import UserMiddleware, query_param
from gate.users import user_of_id


class SessionKeyMiddleware(UserMiddleware):
    async def user_of(self, scope):
        key = query_param(scope, "session_key")
        user_id = key and await database_sync_to_async(self.user_id_of)(key)
        return user_id and await user_of_id(user_id)

    @staticmethod
    def user_id_of(key):
        # An expired or unknown session loads as an empty one.
        return SessionStore(session_key=key).get(SESSION_KEY)
