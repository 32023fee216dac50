"""Reads every artifact slowly, over and over, so that damage is found before somebody downloads it.

Each artifact that a record names must be there, with the size that the record names and with bytes of its digest. Logs
and documents of builds are not read, and whether an artifact is what the inputs of its build give is not known here.

The order is by the oldest check, kept in memory: a restart begins anew, at the same slow rate. Digests that somebody
could not read come first and at full speed. An artifact counts as lost when two looks, some seconds apart, agree; a
damaged one is taken away then, so that nobody is served its bytes and the same bytes can be stored once more. Its
builds say that it is lost, and those that a live manifest asks for are queued again, once.

Several instances may run: each reads everything, and every write is a compare-and-set that changes nothing twice.
When something fails halfway: a damaged object that was taken away is found missing by the next look.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from wombat_gitops.domain.errors import WombatError
from wombat_gitops.domain.retention import wanted_builds
from wombat_gitops.services.pacing import first_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.ports import ObjectKeeper

_log = structlog.get_logger(__name__)

RATE: Final = 4 << 20
"""Bytes read in a second."""
EVERY_SECONDS: Final = 24 * 3600.0
"""How often each artifact is read."""

_AGREE_SECONDS: Final = 5.0
_IDLE_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 10.0
_SUSPECT_SECONDS: Final = 60.0
"""A digest that was looked at less long ago is not looked at again because somebody says so."""
_MOST_SUSPECTS: Final = 1000


class Verdict(StrEnum):
    """How an artifact was found; the words of `BuildRecord.lost` for what is not good."""

    GOOD = ""
    MISSING = "Missing"
    CORRUPT = "DigestMismatch"


class Judge(Protocol):
    """The only writer of build records."""

    async def judge(self, build: str, sha256: str, lost: str, *, again: bool = False) -> BuildRecord | None:
        """See `services.queue.BuildQueue.judge`."""
        ...


class Known(Protocol):
    """The read model; it may be a little behind the records."""

    def known_builds(self) -> Mapping[str, BuildRecord]:
        """Every build by its id."""
        ...

    def known_distributions(self) -> Mapping[str, DistributionRecord]:
        """Every distribution by its name."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast and how often.

    Attributes:
        rate: bytes in a second; 0: nothing is read but what somebody could not read.
        every: seconds between two checks of one artifact.
    """

    rate: int = RATE
    every: float = EVERY_SECONDS


class Scrubber:
    """Checks artifacts.

    Attributes:
        counts: what was done since the start: `checked`, `corrupt`, `missing`, `healed` (queued again), `bytes`.

    Args:
        monotonic: seconds that only grow.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        queue: Judge,
        known: Known,
        objects: ObjectKeeper,
        monotonic: Callable[[], float],
        *,
        pace: Pace | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._queue = queue
        self._known = known
        self._objects = objects
        self._monotonic = monotonic
        self._pace = pace or Pace()
        self._sleep = sleep
        self._checked: dict[str, float] = {}
        self._suspects: dict[str, None] = {}
        self._wake = asyncio.Event()
        self.counts = Counter[str]()

    def suspect(self, sha256: str) -> None:
        """Somebody could not read an artifact: look at it soon."""
        late = self._monotonic() - self._checked.get(sha256, float("-inf")) >= _SUSPECT_SECONDS
        if late and len(self._suspects) < _MOST_SUSPECTS:
            self._suspects[sha256] = None
            self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Check one artifact after the other until *stop*."""
        await first_of(self._work(), stop)

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            sha256 = self.next()
            if sha256 is None:
                await first_of(self._idle(), self._wake)
                continue
            try:
                await self.check(sha256)
            except WombatError as error:
                _log.warning("scrub_failed", artifact=sha256, error=error.message)
                await self._sleep(_RETRY_SECONDS)

    async def _idle(self) -> None:
        await self._sleep(_IDLE_SECONDS)

    def next(self) -> str | None:
        """The digest to check now: what is suspected, else what was not checked for longest; None where none is due."""
        artifacts = self._artifacts()
        for sha256 in [*self._suspects]:
            if sha256 in artifacts:
                return sha256
            del self._suspects[sha256]
        self._checked = {sha256: at for sha256, at in self._checked.items() if sha256 in artifacts}
        if not self._pace.rate:
            return None
        oldest = min(artifacts, key=lambda sha256: (self._checked.get(sha256, float("-inf")), sha256), default=None)
        if oldest is None or self._monotonic() - self._checked.get(oldest, float("-inf")) < self._pace.every:
            return None
        return oldest

    async def check(self, sha256: str) -> Verdict:
        """Look at one artifact, and see to what is found.

        Raises:
            Unreachable: the broker does not answer.
        """
        hurried = sha256 in self._suspects
        size = self._artifacts().get(sha256)
        verdict = await self._look(sha256, size, hurried=hurried)
        if verdict is not Verdict.GOOD:
            await self._sleep(_AGREE_SECONDS)
            verdict = await self._look(sha256, size, hurried=hurried)
        if verdict is Verdict.CORRUPT:
            found = await self._objects.find(sha256)
            if found is not None and not await self._objects.delete(found):
                return Verdict.GOOD  # stored again meanwhile: the next round looks at that
        await self._note(sha256, verdict)
        self._suspects.pop(sha256, None)
        self._checked[sha256] = self._monotonic()
        self.counts["checked"] += 1
        return verdict

    async def _look(self, sha256: str, size: int | None, *, hurried: bool) -> Verdict:
        held = await self._objects.find(sha256)
        if held is None:
            return Verdict.MISSING
        if size is not None and held.size != size:
            return Verdict.CORRUPT
        good = await self._objects.verify(held, self._hurry if hurried or not self._pace.rate else self._amble)
        return Verdict.GOOD if good else Verdict.CORRUPT

    async def _amble(self, size: int) -> None:
        self.counts["bytes"] += size
        await self._sleep(size / self._pace.rate)

    async def _hurry(self, size: int) -> None:
        self.counts["bytes"] += size

    async def _note(self, sha256: str, verdict: Verdict) -> None:
        """Tell the queue about every build that made these bytes."""
        live = _live(self._known.known_distributions())
        if verdict is Verdict.CORRUPT:
            self.counts["corrupt"] += 1
            _log.error("artifact_corrupt", artifact=sha256)
        elif verdict is Verdict.MISSING:
            self.counts["missing"] += 1
            _log.error("artifact_missing", artifact=sha256)
        for build in self._makers(sha256):
            if verdict is Verdict.GOOD and not build.lost:
                continue
            written = await self._queue.judge(build.id, sha256, str(verdict), again=build.id in live)
            if written is not None and written.artifact is None:
                self.counts["healed"] += 1
                _log.warning("artifact_rebuilt", artifact=sha256, build=build.id)

    def _artifacts(self) -> dict[str, int]:
        """Sizes of all artifacts, by digest."""
        found = (build.artifact for build in self._known.known_builds().values())
        return {artifact.sha256: artifact.size for artifact in found if artifact is not None}

    def _makers(self, sha256: str) -> list[BuildRecord]:
        known = self._known.known_builds().values()
        return [build for build in known if build.artifact is not None and build.artifact.sha256 == sha256]


def _live(distributions: Mapping[str, DistributionRecord]) -> frozenset[str]:
    """Builds whose artifacts people are to get: asked for, not suspended, not withdrawn."""
    return wanted_builds(
        {
            name: each
            for name, each in distributions.items()
            if not each.suspended and not (each.withdrawn is not None and each.withdrawn.covers(each.version))
        }
    )
