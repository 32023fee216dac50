"""What the routes answer from."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wombat_gitops.api.problems import Busy, NotReady
from wombat_gitops.ports import LogStream
from wombat_gitops.services.catalog import Catalog
from wombat_gitops.services.downloads import Downloads

if TYPE_CHECKING:
    from collections.abc import Iterator


class Slots:
    """A bounded number of places for things that stay open."""

    def __init__(self, limit: int, what: str) -> None:
        self._limit = limit
        self._what = what
        self.taken = 0

    @contextlib.contextmanager
    def take(self) -> Iterator[None]:
        """Occupy a place. Raises `Busy` where there is none."""
        if self.taken >= self._limit:
            msg = f"{self._limit} {self._what} are open already"
            raise Busy(msg, hint="try again a little later")
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the API does at once.

    Attributes:
        streams: open event streams.
        downloads: files being sent.
        event_seconds: shortest time between two hints on one stream.
        wait_seconds: longest wait for the log stream or the record of a build to say something.
        stall_seconds: a reader that takes nothing for so long is disconnected.
    """

    streams: int = 500
    downloads: int = 200
    event_seconds: float = 0.25
    wait_seconds: float = 10.0
    stall_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Context:
    """The parts that routes share."""

    version: str
    catalog: Catalog
    logs: LogStream
    downloads: Downloads
    limits: Limits
    streams: Slots
    transfers: Slots
    stopping: asyncio.Event

    def ready(self) -> Catalog:
        """The catalogue. Raises `NotReady` until it was read once."""
        if not self.catalog.ready.is_set():
            msg = "the catalogue is still being read"
            raise NotReady(msg, hint="try again in a few seconds")
        return self.catalog

    @property
    def stopped(self) -> bool:
        """Open streams have to end."""
        return self.stopping.is_set() or self.catalog.stopped.is_set()

    async def wait_change(self, after: int) -> int:
        """As `Catalog.wait_change`, and at once when the server stops."""
        change = asyncio.ensure_future(self.catalog.wait_change(after))
        stopping = asyncio.ensure_future(self.stopping.wait())
        waiting: set[asyncio.Future[Any]] = {change, stopping}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return change.result() if change.done() else after
        finally:
            for one in waiting:
                one.cancel()

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)
