"""Passes on that a source is to be looked at now, from whoever hears of it to the watchers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from wombat_gitops.domain import messages, subjects
from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.messages import SourceRefresh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from nats.aio.msg import Msg

    from wombat_gitops.adapters.nats.connection import Connection

_log = structlog.get_logger(__name__)


class NatsRefresher:
    """`ports.Refresher` over the broker."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def refresh(self, source: str) -> None:
        """See `ports.Refresher.refresh`."""
        await self._connection.publish(subjects.SOURCE_REFRESH, messages.encode(SourceRefresh(source)))


@asynccontextmanager
async def refreshes(connection: Connection, hear: Callable[[str], None]) -> AsyncIterator[None]:
    """Call *hear* with the id of every source that is to be looked at now, for as long as the context lasts."""

    def take(message: Msg) -> None:
        try:
            asked = messages.decode_request(SourceRefresh, message.data)
        except Refused as error:
            _log.warning("refresh_not_understood", subject=subjects.SOURCE_REFRESH, error=error.message)
            return
        hear(asked.source)

    async with connection.hints(subjects.SOURCE_REFRESH, take):
        yield
