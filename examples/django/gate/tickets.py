"""Single-use tickets in Django's cache.

256 random bits, kept as a hash, good for seconds, for the page that asked, and once: taking one deletes it, and of many that race the
cache tells exactly one that it was the one who did. With the Redis cache that holds over all nodes.
"""

import hashlib
import secrets
import time
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache

from gate.endings import has_left_since


def issue(user_id, origin):
    """Returns a ticket and when it ends, in seconds since 1970."""
    ticket = secrets.token_urlsafe(32)
    life = settings.TICKET_SECONDS
    now = time.time()
    cache.set(_key(ticket), {"user": user_id, "origin": origin, "at": now}, timeout=life)
    return ticket, int(now) + life


def origin_of(request):
    """The origin that asks: browsers send no `Origin` with a GET of the own site, but then a `Referer`, or say that it is the own site."""
    if origin := request.headers.get("origin"):
        return origin
    if request.headers.get("sec-fetch-site") == "same-origin":
        return f"{request.scheme}://{request.get_host()}"
    referer = urlsplit(request.headers.get("referer", ""))
    return f"{referer.scheme}://{referer.netloc}" if referer.netloc else None


def take(ticket, origin):
    """Returns the user's id, once. The ticket is gone even if a later check fails."""
    found = cache.get(_key(ticket))
    # `delete` is atomic and says whether it was the one that deleted.
    if found is None or not cache.delete(_key(ticket)):
        return None
    is_current = not has_left_since(found["user"], found["at"])
    return found["user"] if is_current and found["origin"] in (None, origin) else None


def _key(ticket):
    return "ws-ticket:" + hashlib.sha256(ticket.encode()).hexdigest()
