"""Looks at a source early where somebody asks for it, and writes down how each look went.

Every source has a task of its own: what one of them does or suffers is nothing to the others.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from wombat_gitops.domain.catalogue import SourceLook
from wombat_gitops.domain.errors import InternalError, TransientError, Unverified, WombatError
from wombat_gitops.domain.subjects import source_look
from wombat_gitops.services.pacing import Timing, first_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from wombat_gitops.ports import ManifestSource, Store, Tree
    from wombat_gitops.services.reconciler import Outcome

_log = structlog.get_logger(__name__)

GAP_SECONDS: Final = 1.0
"""Shortest time between two looks that were asked for; all that is asked for meanwhile is one look."""

_SIGN_OF_LIFE: Final = timedelta(minutes=5)
_RESTART: Final = Timing(retry=1.0, retry_cap=60.0)
_GOODBYE_SECONDS: Final = 3.0
"""How long a pass that is under way may go on after the end; the next start looks at everything anyway."""
_LONGEST_MESSAGE: Final = 500


class RefreshedSource:
    """A source that is also looked at when `refresh` is called: the first time at once, then as often as *gap* lets.

    Args:
        monotonic: seconds that only grow.
    """

    def __init__(self, source: ManifestSource, monotonic: Callable[[], float], *, gap: float = GAP_SECONDS) -> None:
        self._source = source
        self._monotonic = monotonic
        self._gap = gap
        self._asked = asyncio.Event()
        self._last = float("-inf")
        self.id, self.url, self.ref, self.folder = source.id, source.url, source.ref, source.folder
        self.refreshed = False

    def refresh(self) -> None:
        """Look at the source now."""
        self._asked.set()

    async def revision(self) -> str:
        """See `ports.ManifestSource.revision`."""
        return await self._source.revision()

    async def tree(self, revision: str) -> Tree:
        """See `ports.ManifestSource.tree`."""
        return await self._source.tree(revision)

    async def read(self, tree: Tree, paths: Sequence[str]) -> Mapping[str, bytes]:
        """See `ports.ManifestSource.read`."""
        return await self._source.read(tree, paths)

    async def dates(self, tree: Tree, groups: Mapping[str, Sequence[str]]) -> Mapping[str, datetime]:
        """See `ports.ManifestSource.dates`."""
        return await self._source.dates(tree, groups)

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[Callable[[float], Awaitable[None]]]:
        """A waiter that is also woken by `refresh`; `refreshed` tells whether it was that."""
        async with self._source.changes() as wait:

            async def either(seconds: float) -> None:
                self.refreshed = False
                tasks = [asyncio.ensure_future(wait(seconds)), asyncio.ensure_future(self._refresh_due())]
                try:
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    for task in tasks:
                        if task.done():
                            task.result()
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)

            yield either

    async def _refresh_due(self) -> None:
        await self._asked.wait()
        await asyncio.sleep(max(0.0, self._last + self._gap - self._monotonic()))
        self._asked.clear()
        self._last = self._monotonic()
        self.refreshed = True


class Looks:
    """Writes `SourceLook`s of one source: at once where something is new, else as a sign of life now and then.

    Args:
        interval: seconds between two looks at it.
        signer: who signed the newest commit; None where the source demands no signature.
        status_error: why the host could not be told how the builds stand, or "".
    """

    def __init__(
        self,
        source: RefreshedSource,
        store: Store[SourceLook],
        clock: Callable[[], datetime],
        interval: float,
        signer: Callable[[], str] | None = None,
        status_error: Callable[[], str] = str,
    ) -> None:
        self._source = source
        self._store = store
        self._clock = clock
        self._signer = signer
        self._status_error = status_error
        self._look = SourceLook(source.id, interval=interval)
        self._written: SourceLook | None = None
        self._news = asyncio.Event()

    def observe(self, outcome: Outcome) -> None:
        """Take note of a pass."""
        now = self._clock()
        error = outcome.error
        revision = error.revision if isinstance(error, Unverified) else outcome.revision or self._look.revision
        moved = revision != self._look.revision
        pushed = self._source.refreshed
        verified = self._verdict(error)
        self._look = replace(
            self._look,
            revision=revision,
            via=("webhook" if pushed else "poll") if moved or not self._look.polled_at else self._look.via,
            polled_at=now,
            pushed_at=now if pushed else self._look.pushed_at,
            verified=verified,
            signer=self._signer() if self._signer is not None and verified else "",
            error=error.message[:_LONGEST_MESSAGE] if error is not None else "",
            status_error=self._status_error()[:_LONGEST_MESSAGE],
        )
        self._news.set()

    def _verdict(self, error: WombatError | None) -> bool | None:
        if self._signer is None:
            return None
        if isinstance(error, Unverified):
            return False
        return bool(self._signer()) or (self._look.verified if error is not None else None)

    async def run(self, stop: asyncio.Event) -> None:
        """Write until *stop*."""
        earlier = await self._before()
        if earlier is not None:
            self._look = replace(self._look, pushed_at=self._look.pushed_at or earlier.pushed_at)
        while not stop.is_set():
            await first_of(_until(self._news), stop)
            self._news.clear()
            if self._is_due():
                look = self._look
                try:
                    await self._store.put(source_look(look.id), look)
                    self._written = look
                except TransientError as error:
                    _log.debug("look_not_written", source=look.id, error=error.message)

    async def _before(self) -> SourceLook | None:
        try:
            entry = await self._store.get(source_look(self._source.id))
        except (TransientError, InternalError):
            return None
        return entry.value if entry is not None else None

    def _is_due(self) -> bool:
        known, look = self._written, self._look
        if known is None or known.polled_at is None or look.polled_at is None:
            return True
        return replace(known, polled_at=look.polled_at) != look or look.polled_at - known.polled_at >= _SIGN_OF_LIFE


async def keep_running(
    name: str, work: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event, random: Callable[[], float]
) -> None:
    """Run *work* until *stop*; where it breaks by a defect of ours, note that and start it again.

    A source that finds a defect must not take the others with it.
    """
    failures = 0
    while not stop.is_set():
        try:
            await _until_stopped(work, stop)
        except Exception:  # noqa: BLE001 - the border around one source
            failures += 1
            _log.exception("watching_broke", work=name)
            await first_of(asyncio.sleep(_RESTART.delay(failures, random())), stop)


async def _until_stopped(work: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
    """Run *work*; one that does not end soon after *stop*, because a host hangs, is broken off."""
    working, stopping = asyncio.ensure_future(work(stop)), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            await asyncio.wait({working}, timeout=_GOODBYE_SECONDS)
        if working.done():
            working.result()
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


async def _until(event: asyncio.Event) -> None:
    await event.wait()
