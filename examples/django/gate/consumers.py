"""The sockets: they refuse before they accept, keep the user, and speak to their group.

Each answers `{"type": "whoami"}` with the user, `{"type": "node"}` with the process that serves it, sends `{"type": "broadcast", …}` to all of its group with the sender's name, and gives
back everything else.
"""

import asyncio
import json
import os

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from gate.users import user_of_drf_token


class OpenConsumer(AsyncWebsocketConsumer):
    """Lets everybody in: with `scope["user"]`, or as nobody, who is answered but neither heard nor told anything."""

    async def connect(self):
        await self.enter(self.scope["path"])

    async def enter(self, group):
        """Accepts, and joins the group only then: whoever is not in hears nothing. Nor does nobody."""
        await self.accept()
        if self.scope["user"] is not None:
            self.group = "".join(letter if letter.isalnum() else "." for letter in group)
            await self.channel_layer.group_add(self.group, self.channel_name)

    async def disconnect(self, code):
        if hasattr(self, "group"):
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data=None, bytes_data=None):
        message = _object_of(text_data)
        user = self.scope["user"]
        name = user and user.get_username()
        if message.get("type") == "whoami":
            await self.send(json.dumps({"type": "whoami", "user": name}))
        elif message.get("type") == "node":
            await self.send(json.dumps({"type": "node", "pid": os.getpid()}))
        elif message.get("type") == "broadcast" and user:
            text = json.dumps({**message, "from": name})
            await self.channel_layer.group_send(self.group, {"type": "say", "text": text})
        else:
            await self.send(text_data, bytes_data)

    async def say(self, event):
        await self.send(event["text"])


# region user
class UserConsumer(OpenConsumer):
    """Lets in whoever the middleware knows. Closing before accepting is HTTP 403."""

    async def connect(self):
        if self.scope["user"] is None:
            return await self.close()
        await self.enter(self.scope["path"])
# endregion user


class GroupConsumer(UserConsumer):
    """S2: a group by its id in the path, for its members."""

    async def connect(self):
        user, group = self.scope["user"], self.scope["url_route"]["kwargs"]["group"]
        if user is None or not await user.groups.filter(pk=group).aexists():
            return await self.close()
        await self.enter(f"app_{group}")


class FirstMessageConsumer(OpenConsumer):
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
        token = _object_of(text_data).get("token")
        user = await user_of_drf_token(token) if isinstance(token, str) else None
        if user is None:
            # 4401 and not a plain close: the client can tell that it is the token.
            return await self.close(4401)
        self.scope["user"] = user
        self.group = "quotes"
        await self.channel_layer.group_add(self.group, self.channel_name)

    async def disconnect(self, code):
        self.deadline.cancel()
        await super().disconnect(code)


def _object_of(text):
    """The JSON object in a text; of anything else an empty one."""
    try:
        value = json.loads(text or "")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
