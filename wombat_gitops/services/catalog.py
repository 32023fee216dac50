"""The read model: what there is, kept in memory from the stores' feeds and answered without asking them.

It goes on answering from what it last knew while the broker is away, and says how old that is.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from wombat_gitops.domain.catalogue import (
    SERVICE_ROLE,
    WATCHER_ROLE,
    BuilderPresence,
    BuilderState,
    Condition,
    DistributionRecord,
    Health,
    RolePresence,
    SourceLook,
    SourceRecord,
    Status,
    Sync,
    assess,
)
from wombat_gitops.domain.errors import NotFound, StoreFull, TransientError, Withdrawn
from wombat_gitops.domain.neighbours import nearest
from wombat_gitops.domain.records import BuildRecord, BuildState
from wombat_gitops.domain.versions import current_and_newest, version_order
from wombat_gitops.services.build_index import BuildIndex
from wombat_gitops.services.builder_history import BuilderHistory
from wombat_gitops.services.catalog_types import CatalogStatus, DistributionPage, Version
from wombat_gitops.services.distribution_index import DistributionIndex
from wombat_gitops.services.health import judge
from wombat_gitops.services.lineup import Lineup
from wombat_gitops.services.mirror import Mirror
from wombat_gitops.services.rollcall import Listening, RollCall
from wombat_gitops.services.workforce import Workforce

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from wombat_gitops.domain.messages import BuildPage, BuildQuery
    from wombat_gitops.domain.model import Withdrawal
    from wombat_gitops.ports import Store
    from wombat_gitops.services.catalog_types import DistributionQuery
    from wombat_gitops.services.distribution_index import Learned
    from wombat_gitops.services.health import ServiceHealth
    from wombat_gitops.services.rollcall import RoleState

T = TypeVar("T")

_TICK_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 1.0
_BATCH: Final = 200
"""Changes taken in one go before others on the event loop get a turn."""


class Catalog:
    """Everything the API and `build.list` answer from.

    Args:
        builders: only the presences of builders, by any key.
        connected: whether the broker answers now.
        looks: only how sources were looked at, by any key; the catalogue is complete without them.
        roles: only the heartbeats of services and watchers; None where there are no such processes.
        now: wall clock, for what is shown.
        monotonic: seconds that only grow, for what is decided.
    """

    def __init__(
        self,
        builds: Store[BuildRecord],
        distributions: Store[DistributionRecord],
        sources: Store[SourceRecord],
        builders: Store[BuilderPresence],
        *,
        connected: Callable[[], bool],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        looks: Store[SourceLook] | None = None,
        roles: Store[RolePresence] | None = None,
    ) -> None:
        self._stores = (builds, distributions, sources, builders)
        self._look_store = looks
        self._role_store = roles
        self._connected = connected
        self._now = now
        self._monotonic = monotonic
        self._index = BuildIndex()
        self._distribution_index = DistributionIndex(self.status_of)
        self._builds = Mirror[BuildRecord](self._build_moved)
        self._distributions = Mirror[DistributionRecord](self._distribution_moved)
        self._sources = Mirror[SourceRecord]()
        self._workforce = Workforce(now, monotonic)
        self._builders = self._workforce.mirror
        self._listening = Listening(monotonic)
        self._rollcall = RollCall(now, monotonic, self._listening)
        self.lineup = Lineup(self._index, self._workforce.builders, now, monotonic)
        self._looks = Mirror[SourceLook]()
        self._mirrors: tuple[Mirror[Any], ...] = (self._builds, self._distributions, self._sources, self._builders)
        if roles is not None:
            self._mirrors = (*self._mirrors, self._rollcall.mirror)
        self._synced_at: datetime | None = None
        self._present: tuple[tuple[str, BuilderState], ...] = ()
        self._trouble: tuple[tuple[str, str], ...] = ()
        self._changed = asyncio.Event()
        self.history = BuilderHistory(self._index.records)
        self.version = 0
        self.ready = asyncio.Event()
        self.stopped = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the stores until *stop*; `ready` is set once everything was seen, `stopped` at the end."""
        builds, distributions, sources, builders = self._stores
        try:
            async with asyncio.TaskGroup() as group:
                followers = [
                    group.create_task(self._follow(builds, self._builds), name="catalog builds"),
                    group.create_task(self._follow(distributions, self._distributions), name="catalog distributions"),
                    group.create_task(self._follow(sources, self._sources), name="catalog sources"),
                    group.create_task(self._follow(builders, self._builders), name="catalog builders"),
                ]
                if self._look_store is not None:
                    followers.append(group.create_task(self._follow(self._look_store, self._looks), name="looks"))
                if self._role_store is not None:
                    roles = self._follow(self._role_store, self._rollcall.mirror)
                    followers.append(group.create_task(roles, name="catalog roles"))
                while not await _set_within(stop, _TICK_SECONDS):
                    self.tick()
                for follower in followers:
                    follower.cancel()
        finally:
            self.stopped.set()
            self._notify()

    def tick(self) -> None:
        """Notice what no feed reports: that the broker is away, that a builder fell silent."""
        if not self._connected():
            for mirror in self._mirrors:
                mirror.doubt()
        elif self._complete:
            self._synced_at = self._now()
        self._listening.note(hears=self._current)
        present = tuple((builder.id, builder.state) for builder in self.builders())
        news = self._current and self._workforce.look(self._index.in_state(BuildState.QUEUED))
        trouble = tuple((reason.code, reason.page) for reason in self.health().reasons)
        if present != self._present or trouble != self._trouble or news:
            self._present, self._trouble = present, trouble
            self._notify()

    async def wait_change(self, after: int) -> int:
        """The version of the catalogue as soon as it is not *after* any more, or once it has stopped.

        Changes in between are not told one by one: a slow caller sees only that there were some.
        """
        while self.version == after and not self.stopped.is_set():
            await self._changed.wait()
        return self.version

    def build(self, text: str) -> BuildRecord:
        """A build by its id or a beginning of it. Raises `NotFound`, or `Refused` where several begin so."""
        return self._index.find(text)

    def builds(self, query: BuildQuery) -> BuildPage:
        """Builds that match, newest first. Raises `Refused` for a foreign cursor."""
        return self._index.page(query)

    def known_builds(self) -> Mapping[str, BuildRecord]:
        """Every build by its id."""
        return self._index.records

    def known_distributions(self) -> Mapping[str, DistributionRecord]:
        """Every distribution by its name, also those whose manifest is gone."""
        return self._distributions.values

    def known_sources(self) -> Mapping[str, SourceRecord]:
        """Every watched source by its id."""
        return self._sources.values

    @property
    def index(self) -> BuildIndex:
        """Every build, by what is asked of them all."""
        return self._index

    def position(self, record: BuildRecord) -> int | None:
        """Place in the queue, 1 for the build that is next; None where it is not queued."""
        return self.lineup.position(record, self.version)

    def waiting_for(self, record: BuildRecord) -> str:
        """Why a queued build has not started, or "" where it is not queued."""
        return self._workforce.waiting_for(record)

    def distribution(self, name: str) -> DistributionRecord:
        """A distribution by its name. Raises `NotFound`, with the names that are near in the hint."""
        record = self._distributions.values.get(name)
        if record is None:
            msg = f"there is no distribution `{name[:64]}`"
            raise NotFound(msg, hint=nearest(name, self._distributions.values))
        return record

    def distributions(self, query: DistributionQuery) -> DistributionPage:
        """Distributions that match. Raises `Refused` for a foreign cursor."""
        return self._distribution_index.page(query)

    def search(self, q: str) -> list[DistributionRecord]:
        """Distributions that fit *q* and are not retired, the best first."""
        return self._distribution_index.found(q)

    def learn(self, learned: Mapping[str, Learned]) -> None:
        """Take what became known of distributions, by name, and tell those who wait for changes."""
        for name, each in learned.items():
            self._distribution_index.learn(name, each)
        self._notify()

    def status_of(self, record: DistributionRecord) -> Status:
        """Where a distribution stands."""
        if not record.targets and not record.suspended:
            return Status(Sync.UNKNOWN, Health.MISSING)
        return assess(record, self._index.records)

    def conditions_of(self, record: DistributionRecord) -> tuple[Condition, ...]:
        """What the watcher says of a distribution, and whether somebody can build it."""
        found = (*record.conditions, *self._workforce.conditions(record))
        return tuple(sorted(found, key=lambda condition: condition.type))

    def versions(self, name: str) -> tuple[Version, ...]:
        """The versions that have artifacts, highest first by semantic version."""
        published = self._index.published(name).versions
        builds = {version: dict(platforms) for version, platforms in published.items()}
        for build in self._wanted(name):
            builds[build.spec.version][str(build.spec.platform)] = build
        return tuple(Version(version, builds[version]) for version in sorted(builds, key=version_order, reverse=True))

    def last_good(self, name: str, platform: str) -> BuildRecord | None:
        """A published build for a platform that is not withdrawn: of the declared version, else of the highest one."""
        record = self._distributions.values.get(name)
        current = record.version if record is not None else ""
        published = self._index.published(name).versions.values()
        there = (builds[platform] for builds in published if platform in builds)
        good = (build for build in there if self.withdrawal_of(build) is None)
        return max(
            good, key=lambda build: (build.spec.version == current, version_order(build.spec.version)), default=None
        )

    def published(self, name: str, version: str, file_name: str) -> BuildRecord:
        """The build whose artifact has this name.

        Where several have it, the one that the manifest asks for now, else the newest.

        Raises:
            NotFound: says whether the distribution, the version or the artifact is missing.
        """
        for build in self._wanted(name):
            if (build.spec.version, build.spec.file_name) == (version, file_name):
                return build
        published = self._index.published(name)
        found = published.files.get((version, file_name))
        if found is not None:
            return found
        if not published.files:
            self.distribution(name)
        raise self._no_artifact(name, version, file_name)

    def by_digest(self, sha256: str) -> BuildRecord:
        """The newest build that produced these bytes. Raises `NotFound`."""
        build = self._index.by_digest(sha256)
        if build is None:
            msg = f"there is no artifact `sha256:{sha256[:64]}`"
            raise NotFound(msg)
        return build

    def withdrawal_of(self, build: BuildRecord) -> Withdrawal | None:
        """Why an artifact is not to be downloaded any more, or None where it may be."""
        record = self._distributions.values.get(build.spec.name)
        withdrawal = record.withdrawn if record is not None else None
        return withdrawal if withdrawal is not None and withdrawal.covers(build.spec.version) else None

    def check_withdrawn(self, build: BuildRecord) -> None:
        """Refuse to hand out what its manifest withdraws.

        Raises:
            Withdrawn: says why.
        """
        withdrawal = self.withdrawal_of(build)
        if withdrawal is not None:
            msg = f"`{build.spec.name}` `{build.spec.version}` is withdrawn: {withdrawal.reason}"
            raise Withdrawn(msg, hint="take another version")

    def sources(self) -> tuple[SourceRecord, ...]:
        """Every watched source, by id."""
        return tuple(record for _, record in sorted(self._sources.values.items()))

    def looks(self) -> Mapping[str, SourceLook]:
        """How each source was last looked at, by the source's id; sources that nobody looks at have none."""
        return {look.id: look for look in self._looks.values.values()}

    def now(self) -> datetime:
        """The time by this catalogue's wall clock."""
        return self._now()

    def builders(self) -> tuple[BuilderPresence, ...]:
        """Builders that showed a sign of life within a lease, by id."""
        return self._workforce.builders()

    def seen_at(self, builder: BuilderPresence) -> datetime | None:
        """When a builder showed its newest sign of life here, or None where it shows none any more."""
        return self._workforce.seen_at(builder)

    def stale_since(self) -> datetime | None:
        """Since when something may have changed unseen, or None while everything is known."""
        return None if self._current else self._synced_at

    def status(self) -> CatalogStatus:
        """How the catalogue is."""
        stale = not self._current
        corrupt = {
            "builds": self._builds.corrupt,
            "distributions": self._distributions.corrupt,
            "sources": self._sources.corrupt,
            "builders": self._builders.corrupt,
        }
        return CatalogStatus(
            connected=self._connected(),
            synced_at=self._synced_at if stale else self._now(),
            stale=stale,
            queued=self._index.count(BuildState.QUEUED),
            running=self._index.count(BuildState.RUNNING),
            builders=self.builders(),
            sources=self.sources(),
            unreadable={store: tuple(sorted(keys)) for store, keys in corrupt.items() if keys},
            stranded=self._workforce.stranded,
            roles=self.roles(),
            listens=self._listening.proves,
            silent=self._workforce.is_silent,
            store_full=tuple(
                record.changed_at
                for record in self._index.in_state(BuildState.QUEUED)
                if record.failure is not None and record.failure.reason == StoreFull.__name__
            ),
        )

    def roles(self) -> Mapping[str, RoleState]:
        """What the heartbeats of services and watchers tell, by role."""
        if self._role_store is None:
            return {}
        return {role: self._rollcall.state(role) for role in (SERVICE_ROLE, WATCHER_ROLE)}

    def health(self) -> ServiceHealth:
        """Is it down?"""
        return judge(self.status(), self.looks(), self._now())

    async def _follow(self, store: Store[T], mirror: Mirror[T]) -> None:
        taken = 0
        while True:
            try:
                async for change in store.follow():
                    if mirror.apply(change):
                        self._notify()
                    if mirror.complete and self._complete and not self.ready.is_set():
                        self._synced_at = self._now()
                        self.ready.set()
                    taken += 1
                    if taken % _BATCH == 0:
                        await asyncio.sleep(0)
            except TransientError:
                mirror.doubt()
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    @property
    def _complete(self) -> bool:
        return all(mirror.complete for mirror in self._mirrors)

    @property
    def _current(self) -> bool:
        return self._connected() and self._complete

    def _notify(self) -> None:
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def _build_moved(self, key: str, record: BuildRecord | None) -> None:
        if record is None:
            self._index.remove(key)
        else:
            record = record if record.id == key else replace(record, id=key)
            self._index.put(record)
            self.history.note(record)
        self._distribution_index.build_moved(key)

    def _distribution_moved(self, key: str, record: DistributionRecord | None) -> None:
        if record is None:
            self._distribution_index.remove(key)
        else:
            self._distribution_index.put(record if record.name == key else replace(record, name=key))

    def _wanted(self, name: str) -> list[BuildRecord]:
        """The builds with an artifact that the manifest of *name* asks for."""
        record = self._distributions.values.get(name)
        targets = record.targets if record else ()
        builds = (self._index.records.get(target.build) for target in targets)
        return [build for build in builds if build is not None and build.artifact is not None]

    def _no_artifact(self, name: str, version: str, file_name: str) -> NotFound:
        record = self._distributions.values.get(name)
        if record is not None and record.withdrawn is not None and record.withdrawn.covers(version):
            return Withdrawn(f"`{name}` `{version[:64]}` is withdrawn: {record.withdrawn.reason}")
        published = self._index.published(name)
        files = sorted(file for known, file in published.files if known == version)
        if files:
            return NotFound(
                f"version `{version[:64]}` of `{name}` has no file `{file_name[:128]}`",
                hint=nearest(file_name, files) or f"it has {', '.join(f'`{file}`' for file in files[:4])}",
            )
        if record is not None and record.version == version:
            states = {b.state.value for t in record.targets if (b := self._index.records.get(t.build)) is not None}
            return NotFound(
                f"version `{version}` of `{name}` has no artifact yet",
                hint=f"its builds are {', '.join(sorted(states)) or 'not requested yet'}",
            )
        known = [entry.version for entry in self.versions(name)]
        current = record.version if record is not None else ""
        return NotFound(
            f"`{name}` has no version `{version[:64]}` with artifacts",
            hint=current_and_newest(current, known) or "it has no artifact at all yet",
        )


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
