"""Tells a git host how the builds of the newest commit stand. Nothing waits for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from wombat_gitops.domain.commitstatus import LONGEST_DESCRIPTION, CommitState, CommitStatus
from wombat_gitops.domain.errors import InternalError, NotFound, TransientError, Unverified, WombatError
from wombat_gitops.domain.records import BuildState
from wombat_gitops.domain.subjects import source_status
from wombat_gitops.services import observed
from wombat_gitops.services.pacing import Timing, first_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.domain.commitstatus import StatusTarget
    from wombat_gitops.domain.declaration import Declaration
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.ports import StatusWriter, Store
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.reconciler import Outcome

_log = structlog.get_logger(__name__)

ATTEMPTS: Final = 5
"""Tries to write one status; the next one to be written starts anew."""
_RETRY: Final = Timing(retry=1.0, retry_cap=60.0)
_GAP: Final = 1.0
"""Seconds between two looks at how the builds stand."""
_COMMIT: Final = frozenset({40, 64})
_ENDED_BADLY: Final = frozenset({BuildState.FAILED, BuildState.CANCELLED, BuildState.SUPERSEDED})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a commit asks for.

    Attributes:
        builds: names for people by build id.
        problem: why it cannot be had, or "".
    """

    revision: str
    names: tuple[str, ...] = ()
    builds: tuple[tuple[str, str], ...] = ()
    problem: str = ""


def wanted_of(declaration: Declaration) -> Wanted:
    """What the commit of *declaration* asks for."""
    items = [item for item in declaration.declared if not item.distribution.builds_nothing]
    broken = observed.unusable(declaration)
    return Wanted(
        declaration.revision,
        tuple(item.distribution.name for item in declaration.declared),
        tuple((build.id, f"{item.distribution.name} {build.spec.platform}") for item in items for build in item.builds),
        f"{_count(len(broken), 'file')} cannot be used: {', '.join(sorted(broken))}" if broken else "",
    )


def judge(
    wanted: Wanted,
    source: str,
    builds: Mapping[str, BuildRecord],
    distribution: Callable[[str], DistributionRecord | None],
    public_url: str,
) -> CommitStatus:
    """How a commit stands.

    While builds are under way it tells the same all the time: hosts take only so many statuses of a commit.
    """

    def status(state: CommitState, text: str, page: str) -> CommitStatus:
        short = text if len(text) <= LONGEST_DESCRIPTION else f"{text[: LONGEST_DESCRIPTION - 1]}…"
        return CommitStatus(wanted.revision, state, short, f"{public_url}{page}" if public_url else "")

    here, its_builds = f"/sources#{source}", f"/builds?q={wanted.revision[:12]}"
    problem = wanted.problem or _problem(wanted, source, distribution)
    if problem:
        return status(CommitState.FAILURE, problem, here)
    found = [(name, build, builds.get(build)) for build, name in wanted.builds]
    failed = sorted((name, id_) for name, id_, record in found if record is not None and record.state in _ENDED_BADLY)
    open_ones = sum(record is None or not record.state.final for _, _, record in found)
    if failed and open_ones:
        return status(CommitState.FAILURE, "builds failed, others are under way", its_builds)
    if failed:
        names = ", ".join(name for name, _ in failed)
        told = f"{len(failed)} of {_count(len(found), 'build')} failed: {names}"
        return status(CommitState.FAILURE, told, f"/builds/{failed[0][1]}")
    if open_ones:
        return status(CommitState.PENDING, f"builds under way, {len(found):,} in all", its_builds)
    done = f"{_count(len(wanted.names), 'distribution')}, {_count(len(found), 'build')} up to date"
    return status(CommitState.SUCCESS, done, here)


def _problem(wanted: Wanted, source: str, distribution: Callable[[str], DistributionRecord | None]) -> str:
    """Why some of what a commit declares is never built, or ""."""
    records = [record for name in wanted.names if (record := distribution(name)) is not None]
    taken = sorted(record.name for record in records if record.source != source and not record.retired)
    if taken:
        return f"another source declares {', '.join(taken)}"
    for refused, words in ((False, "records of builds cannot be read"), (True, "builds are refused")):
        found = sorted(
            record.name
            for record in records
            for each in record.conditions
            if each.type == observed.STALLED and (each.reason != observed.BUILD_UNREADABLE) is refused
        )
        if found:
            return f"{words}: {', '.join(found)}"
    return ""


class StatusReporter:
    """Keeps the status of one source's newest commit in step.

    Args:
        written: what was written last, by `status.<source>`, so that a restart writes nothing twice.
        public_url: address of the website, or "".
        random: 0 to 1, for jitter.
    """

    def __init__(
        self,
        target: StatusTarget,
        writer: StatusWriter,
        catalog: Catalog,
        written: Store[CommitStatus],
        *,
        public_url: str,
        random: Callable[[], float],
        gap: float = _GAP,
        timing: Timing = _RETRY,
    ) -> None:
        self._target = target
        self._writer = writer
        self._catalog = catalog
        self._store = written
        self._public_url = public_url.rstrip("/")
        self._random = random
        self._gap = gap
        self._timing = timing
        self._wanted: Wanted | None = None
        self._seen = 0
        self._news = asyncio.Event()
        self._last: CommitStatus | None = None
        self._given_up: CommitStatus | None = None
        self.failure = ""

    def observe(self, outcome: Outcome) -> None:
        """Take note of a pass."""
        if isinstance(outcome.error, Unverified):
            self._wanted = Wanted(outcome.error.revision, problem=outcome.error.message)
        elif outcome.declaration is not None and outcome.error is None:
            self._wanted = wanted_of(outcome.declaration)
        else:
            return
        self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Write until *stop*. Never raises for what the host does."""
        self._last = await self._before()
        while not stop.is_set():
            await first_of(self._change(), stop)
            if not stop.is_set():
                await first_of(self._keep_in_step(), stop)
                await first_of(asyncio.sleep(self._gap), stop)

    async def _change(self) -> None:
        """Wait for a pass, or for a change of the builds after one."""
        tasks: list[asyncio.Future[object]] = [asyncio.ensure_future(self._news.wait())]
        if self._wanted is not None:
            tasks.append(asyncio.ensure_future(self._catalog.wait_change(self._seen)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._news.clear()

    async def _keep_in_step(self) -> None:
        wanted = self._wanted
        if wanted is None or len(wanted.revision) not in _COMMIT or not self._catalog.ready.is_set():
            return
        self._seen = self._catalog.version
        status = judge(wanted, self._target.source, self._catalog.known_builds(), self._distribution, self._public_url)
        if status in {self._last, self._given_up}:
            return
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._writer.write(self._target, status)
            except TransientError as error:
                self.failure = error.message
                if attempt < ATTEMPTS:
                    await asyncio.sleep(self._timing.delay(attempt, self._random()))
            except WombatError as error:
                self.failure = error.message
                break
            else:
                self.failure, self._given_up = "", None
                await self._note(status)
                return
        self._given_up = status
        _log.warning("status_not_written", source=self._target.source, revision=wanted.revision, error=self.failure)

    def _distribution(self, name: str) -> DistributionRecord | None:
        try:
            return self._catalog.distribution(name)
        except NotFound:
            return None

    async def _before(self) -> CommitStatus | None:
        try:
            entry = await self._store.get(self._key)
        except (TransientError, InternalError):
            return None
        return entry.value if entry is not None else None

    async def _note(self, status: CommitStatus) -> None:
        self._last = status
        try:
            await self._store.put(self._key, status)
        except TransientError as error:
            _log.debug("status_not_noted", source=self._target.source, error=error.message)

    @property
    def _key(self) -> str:
        return source_status(self._target.source)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
