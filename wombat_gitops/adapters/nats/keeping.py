"""What keeps artifacts in order, over the broker: passes that are asked for, and artifacts that nobody could read."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import structlog

from wombat_gitops.adapters.nats.client import ask
from wombat_gitops.adapters.nats.retrying import persist
from wombat_gitops.adapters.nats.service import Route
from wombat_gitops.domain import messages, subjects
from wombat_gitops.domain.errors import Refused, TransientError
from wombat_gitops.domain.retention import ArtifactSuspect, CollectAnswer, CollectRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from nats.aio.msg import Msg

    from wombat_gitops.adapters.nats.connection import Connection

_log = structlog.get_logger(__name__)

_SECONDS: Final = 60.0


def collect_route(collect: Callable[[CollectRequest], Awaitable[CollectAnswer]]) -> Route[Any, Any]:
    """The endpoint by which people ask for a pass."""
    return Route(
        "collect",
        subjects.SERVICE_COLLECT,
        "clear away what need not be kept, or tell what that would be",
        CollectRequest,
        CollectAnswer,
        collect,
        seconds=_SECONDS,
    )


class NatsCollecting:
    """Asks the service for passes; asked twice, the second one finds nothing left to do."""

    def __init__(self, connection: Connection, *, seconds: float = _SECONDS) -> None:
        self._connection = connection
        self._seconds = seconds

    async def collect(self, asked: CollectRequest) -> CollectAnswer:
        """A pass now. Raises `Unreachable` where no service answers."""
        return await persist(
            lambda: ask(self._connection, subjects.SERVICE_COLLECT, asked, CollectAnswer, seconds=self._seconds),
            self._seconds,
        )


class NatsSuspects:
    """Tells the service of artifacts that could not be read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def suspect(self, sha256: str) -> None:
        """Have an artifact looked at soon; nothing happens where the broker is away, as every one is read in time."""
        try:
            await self._connection.publish(subjects.ARTIFACT_SUSPECT, messages.encode(ArtifactSuspect(sha256)))
        except TransientError as error:
            _log.debug("suspect_not_told", artifact=sha256, error=error.message)


@asynccontextmanager
async def suspects(connection: Connection, hear: Callable[[str], None]) -> AsyncIterator[None]:
    """Call *hear* with the digest of every artifact that somebody could not read, while the context lasts."""

    def take(message: Msg) -> None:
        try:
            asked = messages.decode_request(ArtifactSuspect, message.data)
        except Refused as error:
            _log.warning("suspect_not_understood", subject=subjects.ARTIFACT_SUSPECT, error=error.message)
            return
        hear(asked.sha256)

    async with connection.hints(subjects.ARTIFACT_SUSPECT, take):
        yield
