"""The sockets: they refuse before they accept, keep the user, speak to their group, and end with their user.

Each answers `{"type": "whoami"}` with the user, `{"type": "node"}` with the process that serves it, sends `{"type": "broadcast", …}` to all of its group with the sender's name, and gives
back everything else.
"""

import asyncio
import json
import os

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from gate.endings import EndsWithUser
from gate.text import object_of, text_of
from gate.users import user_of_drf_token


# region longest
class BoundedConsumer(AsyncWebsocketConsumer):
    """A socket whose messages are not too long. daphne hands over messages of any length."""

    async def websocket_receive(self, message):
        sent = message.get("bytes") or (message.get("text") or "").encode(errors="surrogatepass")
        if len(sent) > settings.MAX_MESSAGE_BYTES:
            # The client gives up: it would send the same again.
            return await self.close(4400)
        await super().websocket_receive(message)
# endregion longest


class Consumer(EndsWithUser, BoundedConsumer):
    """What a socket can do once its user is known."""

    async def enter(self, room, group=None):
        """Joins the room of a socket that was accepted: whoever is not in hears nothing. `group`: the group whose members alone may be here."""
        self.room = "".join(letter if letter.isalnum() else "." for letter in room)
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.watch(self.scope["user"], ends=self.scope.get("ends"), group=group)

    async def disconnect(self, code):
        if hasattr(self, "room"):
            await self.channel_layer.group_discard(self.room, self.channel_name)
        await super().disconnect(code)

    async def receive(self, text_data=None, bytes_data=None):
        message = object_of(text_data)
        name = self.scope["user"].get_username()
        if message.get("type") == "whoami":
            await self.send(json.dumps({"type": "whoami", "user": name}))
        elif message.get("type") == "node":
            await self.send(json.dumps({"type": "node", "pid": os.getpid()}))
        elif message.get("type") == "broadcast":
            text = json.dumps({**message, "from": name})
            await self.channel_layer.group_send(self.room, {"type": "say", "text": text})
        else:
            await self.send(text_data, bytes_data)

    async def say(self, event):
        await self.send(event["text"])


# region user
class UserConsumer(Consumer):
    """Lets in whoever the middleware knows. Closing before accepting is HTTP 403."""

    async def connect(self):
        if self.scope["user"] is None:
            return await self.close()
        await self.accept()
        await self.enter(self.scope["path"])
# endregion user


class GroupConsumer(UserConsumer):
    """S2: a group by its id in the path, for its members."""

    async def connect(self):
        user, group = self.scope["user"], self.scope["url_route"]["kwargs"]["group"]
        if user is None or not await user.groups.filter(pk=group).aexists():
            return await self.close()
        await self.accept()
        await self.enter(f"app_{group}", group=str(int(group)))


class FirstMessageConsumer(Consumer):
    """S5: `{"token": "<DRF token>"}` as the first message, within seconds. Until then the socket hears nothing."""

    async def connect(self):
        self.scope["user"] = None
        await self.accept()
        self.deadline = asyncio.create_task(self.close_late())

    async def close_late(self):
        await asyncio.sleep(settings.FIRST_MESSAGE_SECONDS)
        await self.close(4408)

    async def receive(self, text_data=None, bytes_data=None):
        if self.scope["user"] is not None:
            return await super().receive(text_data, bytes_data)
        self.deadline.cancel()
        token = text_of(object_of(text_data).get("token"))
        user = token and await user_of_drf_token(token)
        if not user:
            # 4401 and not a plain close: the client can tell that it is the token.
            return await self.close(4401)
        self.scope["user"] = user
        await self.enter("quotes")

    async def disconnect(self, code):
        self.deadline.cancel()
        await super().disconnect(code)
