"""Rooms in which nothing is missed: whoever comes back hears what was said meanwhile, or that it is lost.

| the client says | the server answers |
|---|---|
| `{"type": "join", "room", "since"?}` | `{"type": "joined", "room", "seq"}`, then the messages after `since`; before them `{"type": "gap", "room"}` if some are gone; `{"type": "refused", "room"}` |
| `{"type": "leave", "room"}` | `{"type": "left", "room"}` |
| `{"type": "say", "room", "text"}` | to all members `{"type": "news", "room", "seq", "text", "from"}` |
| `{"type": "ask", "id", "what"}` | `{"type": "answer", "id", "what"}` |

To copy: this file, `models.py` and its migration. The group only tells that there is news. Each consumer reads the log from where it is, so that no two messages
change places, none comes twice, and a client that was away is no other case.
"""

import asyncio
import hashlib
import json

from channels.db import database_sync_to_async

from gate.consumers import Consumer
from gate.models import Room
from gate.text import object_of, text_of

# How many rooms one socket may be in.
MOST = 50


def group_of(room):
    """A group's name takes few letters, and a room's takes all."""
    return f"room.{hashlib.sha256(room.encode()).hexdigest()[:32]}"


class RoomsConsumer(Consumer):
    """A socket that is in many rooms."""

    async def connect(self):
        if self.scope["user"] is None:
            return await self.close()
        # The number of the last message that was sent to this socket, by room.
        self.heard = {}
        self.turn = asyncio.Lock()
        await self.accept()
        await self.watch(self.scope["user"], ends=self.scope.get("ends"))

    def may_join(self, room):
        """Yours to decide."""
        return room != "secret" and len(self.heard) < MOST

    async def receive(self, text_data=None, bytes_data=None):
        message = object_of(text_data)
        room = text_of(message.get("room"))
        match message.get("type"):
            case "join" if room and len(room) <= 64:
                await self.join(room, message.get("since"))
            case "leave" if room in self.heard:
                await self.leave(room)
                await self.tell(type="left", room=room)
            case "say" if room in self.heard and (text := text_of(message.get("text"))):
                name = self.scope["user"].get_username()
                await database_sync_to_async(Room.say)(room, name, text)
                await self.channel_layer.group_send(group_of(room), {"type": "news", "room": room})
            case "ask":
                await self.tell(type="answer", id=message.get("id"), what=message.get("what"))
            case _:
                await super().receive(text_data, bytes_data)

    async def join(self, room, since):
        if not self.may_join(room):
            return await self.tell(type="refused", room=room)
        # First the group and then the log: what is said in between is in both, and is sent once.
        await self.channel_layer.group_add(group_of(room), self.channel_name)
        async with self.turn:
            is_number = isinstance(since, int) and not isinstance(since, bool) and 0 <= since < 2**63
            messages, last, is_gap = await database_sync_to_async(Room.after)(room, since if is_number else 0)
            await self.tell(type="joined", room=room, seq=last)
            self.heard[room] = last
            if is_number:
                if is_gap:
                    await self.tell(type="gap", room=room)
                    if since > last:
                        messages, *_ = await database_sync_to_async(Room.after)(room, 0)
                await self.send_all(room, messages)

    async def news(self, event):
        room = event["room"]
        async with self.turn:
            if room not in self.heard:
                return
            messages, last, is_gap = await database_sync_to_async(Room.after)(room, self.heard[room])
            self.heard[room] = last
            # So much was said at once that the log has lost some of it.
            if is_gap:
                await self.tell(type="gap", room=room)
            await self.send_all(room, messages)

    async def send_all(self, room, messages):
        for message in messages:
            await self.tell(type="news", room=room, seq=message.seq, text=message.text, **{"from": message.sender})

    async def leave(self, room):
        del self.heard[room]
        await self.channel_layer.group_discard(group_of(room), self.channel_name)

    async def tell(self, **message):
        await self.send(json.dumps(message))

    async def disconnect(self, code):
        for room in list(getattr(self, "heard", {})):
            await self.leave(room)
        await super().disconnect(code)
