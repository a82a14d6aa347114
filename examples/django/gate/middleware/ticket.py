"""S4: `?ticket=`, good once and for seconds. What a log keeps of it is worth nothing."""

from channels.db import database_sync_to_async

from gate import tickets
from gate.middleware.base import UserMiddleware, header, query_param
from gate.users import user_of_id


class TicketMiddleware(UserMiddleware):
    async def user_of(self, scope):
        ticket = query_param(scope, "ticket")
        user_id = ticket and await database_sync_to_async(tickets.take)(ticket, header(scope, "origin"))
        return user_id and await user_of_id(user_id)
