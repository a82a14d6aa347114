"""Single-use tickets in Django's cache.

256 random bits, kept as a hash, good for seconds, for the page that asked, and once: taking one deletes it, and of many that race the
cache tells exactly one that it was the one who did. With the Redis cache that holds over all nodes.
"""

import hashlib
import secrets
import time

from django.conf import settings
from django.core.cache import cache


def issue(user_id, origin):
    """Returns a ticket and when it ends, in seconds since 1970."""
    ticket = secrets.token_urlsafe(32)
    life = settings.TICKET_SECONDS
    cache.set(_key(ticket), {"user": user_id, "origin": origin}, timeout=life)
    return ticket, int(time.time()) + life


def take(ticket, origin):
    """Returns the user's id, once. The ticket is gone even if a later check fails."""
    found = cache.get(_key(ticket))
    # `delete` is atomic and says whether it was the one that deleted.
    if found is None or not cache.delete(_key(ticket)):
        return None
    return found["user"] if found["origin"] in (None, origin) else None


def _key(ticket):
    return "ws-ticket:" + hashlib.sha256(ticket.encode()).hexdigest()
