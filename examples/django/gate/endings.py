"""Sockets end with their user: who is deactivated, logs out everywhere, loses a token or leaves a group, and whose token ends.

To copy: this file, the mixin on your consumers, and `connect_signals()` in `AppConfig.ready()`. It needs a channel layer; with several nodes one that they
share (channels_redis), or a change on one node does not reach the sockets of the other.
"""

import asyncio
import time

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save

# The client renews its token once, and asks for a sign-in if that is refused, too.
SIGNED_OUT = 4401
# The client gives up.
FORBIDDEN = 4403


# region mixin
class EndsWithUser:
    """A mixin for consumers. Call `watch()` once the user is known, and `super().disconnect(code)` at the end."""

    watched = None
    ending = None

    async def watch(self, user, ends=None, group=None):
        """`ends`: when the token ends, in seconds since 1970. `group`: the id of the group that the socket is for."""
        self.watched, self.of_group = f"user.{user.pk}", group
        await self.channel_layer.group_add(self.watched, self.channel_name)
        if ends is not None:
            self.ending = asyncio.create_task(self.end_at(ends))

    async def end_at(self, moment):
        await asyncio.sleep(max(0, moment - time.time()))
        await self.close(SIGNED_OUT)

    async def user_left(self, event):
        await self.close(SIGNED_OUT)

    async def group_left(self, event):
        # None named: the user has left all of them.
        if self.of_group is not None and (not event["groups"] or self.of_group in event["groups"]):
            await self.close(FORBIDDEN)

    async def disconnect(self, code):
        if self.ending:
            self.ending.cancel()
        if self.watched:
            await self.channel_layer.group_discard(self.watched, self.channel_name)
# endregion mixin


def end_sockets(user_id):
    """Ends all sockets of a user, on every node, once the change is in the database."""
    _tell(user_id, {"type": "user.left"})


def log_out_everywhere(user):
    """Ends what was issued to a user until now: refresh tokens, DRF tokens, access tokens (by their time of issue), and sockets."""
    from rest_framework.authtoken.models import Token
    from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

    for token in OutstandingToken.objects.filter(user=user):
        BlacklistedToken.objects.get_or_create(token=token)
    Token.objects.filter(user=user).delete()
    # An access token cannot be taken back. The longest that one can live is enough.
    cache.set(_left(user.pk), time.time(), timeout=24 * 3600)
    end_sockets(user.pk)


def has_left_since(user_id, issued_at):
    """Whether the user has logged out everywhere since a token was issued. JWTs count whole seconds."""
    left = cache.get(_left(user_id))
    return left is not None and issued_at <= left


def connect_signals():
    from rest_framework.authtoken.models import Token

    User = get_user_model()

    def on_user(sender, instance, **kwargs):
        if not instance.is_active:
            end_sockets(instance.pk)

    def on_user_gone(sender, instance, **kwargs):
        end_sockets(instance.pk)

    def on_token_gone(sender, instance, **kwargs):
        end_sockets(instance.user_id)

    def on_groups(sender, instance, action, pk_set, reverse, **kwargs):
        if action == "post_clear" or action == "post_remove":
            users = [instance.pk] if not reverse else list(pk_set or [])
            groups = [instance.pk] if reverse else list(pk_set or [])
            for user_id in users:
                _tell(user_id, {"type": "group.left", "groups": [str(group) for group in groups]})

    # Kept here: signals hold their receivers weakly.
    receivers = [
        (post_save, on_user, User),
        (post_delete, on_user_gone, User),
        (post_delete, on_token_gone, Token),
        (m2m_changed, on_groups, User.groups.through),
    ]
    for signal, receiver, sender in receivers:
        signal.connect(receiver, sender=sender, weak=False, dispatch_uid=receiver.__name__)


def _tell(user_id, event):
    transaction.on_commit(lambda: async_to_sync(get_channel_layer().group_send)(f"user.{user_id}", event))


def _left(user_id):
    return f"left:{user_id}"
