"""What the routes answer from."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wombat_gitops.api.limits import Limits, Slots
from wombat_gitops.api.problems import NotReady
from wombat_gitops.domain.contents import Contents
from wombat_gitops.domain.messages import decode
from wombat_gitops.services.catalog import Catalog
from wombat_gitops.services.composing import NO_OPERATOR, Operator
from wombat_gitops.services.downloads import Downloads
from wombat_gitops.services.logbook import LogBook
from wombat_gitops.services.package_index import PackageIndex
from wombat_gitops.services.reference_index import ReferenceIndex

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.ports import LogChunk, LogStream


class LogReader:
    """Live logs for those who only read: what a route has of them cannot append."""

    def __init__(self, logs: LogStream) -> None:
        self._logs = logs

    def read(self, build: str, attempt: int, *, after: int = 0, follow: bool = False) -> AsyncIterator[LogChunk]:
        """As `LogStream.read`."""
        return self._logs.read(build, attempt, after=after, follow=follow)


@dataclass(frozen=True, slots=True)
class Edge:
    """What stands between this server and people, and what its operator says.

    Attributes:
        proxies: addresses and networks that are believed when they say for whom they ask.
        tls: people come by TLS, which ends there.
        public_url: address at which everybody reaches the website; "" where it is not public.
        listen: name or address that the server listens on.
        allowed_hosts: further names that requests may have in `Host`, without a port.
        operator: what holds for distributions that are composed here.
    """

    proxies: tuple[str, ...] = ()
    tls: bool = False
    public_url: str = ""
    listen: str = "127.0.0.1"
    allowed_hosts: tuple[str, ...] = ()
    operator: Operator = NO_OPERATOR


class Pulse:
    """One wait for all who wait for the same, however many they are."""

    def __init__(self) -> None:
        self._shared: asyncio.Task[None] | None = None

    def next(self, news: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Done when *news* has come, as begun by whoever waits already; nobody is to cancel it."""
        if self._shared is None or self._shared.done():
            self._shared = asyncio.create_task(news(), name="news")
        return self._shared


@dataclass(frozen=True, slots=True)
class Context:
    """The parts that routes share."""

    version: str
    catalog: Catalog
    logs: LogReader
    book: LogBook
    downloads: Downloads
    references: ReferenceIndex
    packages: PackageIndex
    limits: Limits
    streams: Slots
    transfers: Slots
    stopping: asyncio.Event
    public_url: str = ""
    pulse: Pulse = field(default_factory=Pulse)

    def ready(self) -> Catalog:
        """The catalogue. Raises `NotReady` until it was read once."""
        if not self.catalog.ready.is_set():
            msg = "the catalogue is still being read"
            raise NotReady(msg, hint="try again in a few seconds")
        return self.catalog

    def missing(self) -> tuple[str, ...]:
        """What this server lacks to tell the newest state."""
        lacks = {
            "the catalogue is still being read": not self.catalog.ready.is_set(),
            "there is no connection to the broker": not self.catalog.status().connected,
            "the server is about to stop": self.stopped,
        }
        return tuple(reason for reason, lacking in lacks.items() if lacking)

    @property
    def stopped(self) -> bool:
        """Open streams have to end."""
        return self.stopping.is_set() or self.catalog.stopped.is_set()

    async def contents_of(self, build: BuildRecord) -> Contents | None:
        """What is inside a build's program, or None where that is not recorded. Raises as `Downloads.hold`."""
        if build.contents is None:
            return None
        return decode(Contents, await self.downloads.read(build.contents.sha256, build.contents.size))

    async def wait_change(self, after: int) -> int:
        """As `Catalog.wait_change`, and at once when the server stops."""
        while self.catalog.version == after and not self.stopped:
            await asyncio.wait({self.change})
        return self.catalog.version

    @property
    def change(self) -> asyncio.Task[None]:
        """Done as soon as the catalogue differs from now, or the server stops; shared, so nobody is to cancel it."""
        version = self.catalog.version  # as it is now, and not when the task begins
        return self.pulse.next(lambda: self._news(version))

    async def _news(self, version: int) -> None:
        change = asyncio.ensure_future(self.catalog.wait_change(version))
        stopping = asyncio.ensure_future(self.stopping.wait())
        waiting: set[asyncio.Future[Any]] = {change, stopping}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)
