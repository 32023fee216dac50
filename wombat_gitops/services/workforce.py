"""The builders that show signs of life, and the queued builds that none of them can take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.catalogue import BuilderPresence, Condition
from wombat_gitops.domain.nobuilder import NO_BUILDER, NoBuilder, why_nobody
from wombat_gitops.domain.records import BuildState
from wombat_gitops.domain.scheduling import takers
from wombat_gitops.domain.subjects import builder_lease
from wombat_gitops.services.mirror import Mirror

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.domain.records import BuildRecord

LEASE_SECONDS: Final = 15.0
"""A builder that has not renewed its presence for so long is gone."""

GRACE_SECONDS: Final = 20.0
"""How long nobody may be able to take a build before that is told: a builder may be starting, or a broker back."""

_MESSAGE: Final = 2048


@dataclass(frozen=True, slots=True)
class _Stranded:
    """A build that nobody can take: why, and since when by both clocks."""

    lack: NoBuilder
    noticed: float
    since: datetime


class Workforce:
    """Builders as they show themselves, judged by this process's own clock.

    Args:
        now: wall clock, for what is shown.
        monotonic: seconds that only grow, for what is decided.
    """

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._now = now
        self._monotonic = monotonic
        self._seen: dict[str, float] = {}
        self._heard: dict[str, datetime] = {}
        self._stranded: dict[str, _Stranded] = {}
        self._told: dict[str, _Stranded] = {}
        self.mirror = Mirror[BuilderPresence](self._moved, same=_says_the_same)

    def builders(self) -> tuple[BuilderPresence, ...]:
        """Builders that showed a sign of life within a lease, by id."""
        oldest = self._monotonic() - LEASE_SECONDS
        alive = [value for key, value in self.mirror.values.items() if self._seen[key] > oldest]
        return tuple(sorted(alive, key=lambda builder: builder.id))

    @property
    def is_silent(self) -> bool:
        """Builders are known that did not say that they ended, and none showed a sign of life lately."""
        return bool(self.mirror.values) and not self.builders()

    def seen_at(self, builder: BuilderPresence) -> datetime | None:
        """When a builder showed its newest sign of life here, or None where it shows none any more."""
        return self._heard.get(builder_lease(builder.id))

    @property
    def stranded(self) -> tuple[datetime, ...]:
        """Of each queued build that nobody can take, since when that is so; told after a grace."""
        return tuple(each.since for each in self._told.values())

    def look(self, queued: Iterable[BuildRecord]) -> bool:
        """Find the queued builds that nobody can take; returns whether there is something else to tell of them.

        To be called about once a second, and only while the broker answers.
        """
        builders, now, wall = self.builders(), self._monotonic(), self._now()
        known: dict[tuple[object, ...], NoBuilder | None] = {}
        stranded: dict[str, _Stranded] = {}
        for record in queued:
            kind = (record.spec.platform, record.spec.cgo, record.needs)
            if kind not in known:
                known[kind] = why_nobody(record, builders)
            lack = known[kind]
            if lack is not None:
                before = self._stranded.get(record.id)
                stranded[record.id] = _Stranded(lack, *((before.noticed, before.since) if before else (now, wall)))
        self._stranded = stranded
        told = {build: each for build, each in stranded.items() if now - each.noticed >= GRACE_SECONDS}
        changed = told != self._told
        self._told = told
        return changed

    def conditions(self, record: DistributionRecord) -> tuple[Condition, ...]:
        """`NoBuilder`, for as long as some builds of a distribution cannot be taken by anybody."""
        found = [(target.platform, each) for target in record.targets if (each := self._told.get(target.build))]
        if not found:
            return ()
        messages = {each.lack.message for _, each in found}
        if len(messages) == 1:
            message = messages.pop()
        else:
            message = "\n".join(f"`{platform}`: {each.lack.message}" for platform, each in found)[:_MESSAGE]
        first = min((each for _, each in found), key=lambda each: each.since)
        return (Condition(NO_BUILDER, True, first.lack.reason, message, record.revision, first.since),)  # noqa: FBT003

    def waiting_for(self, record: BuildRecord) -> str:
        """Why a queued build has not started, or "" where it is not queued."""
        if record.state is not BuildState.QUEUED:
            return ""
        if record.not_before is not None and record.not_before > self._now():
            reason = record.failure.reason if record.failure else "a failure"
            return f"tries again after {reason}, not before {record.not_before:%H:%M:%S} UTC"
        builders = self.builders()
        lack = why_nobody(record, builders)
        if lack is not None:
            return lack.message
        able = takers(record, builders)
        workers = sum(builder.workers for builder in able)
        if sum(builder.busy for builder in able) >= workers:
            which = "" if len(able) == len(builders) else " that can take it"
            return f"the only worker{which} is busy" if workers == 1 else f"all {workers} workers{which} are busy"
        return "a builder is about to take it"

    def _moved(self, key: str, presence: BuilderPresence | None) -> None:
        if presence is None:
            self._seen.pop(key, None)
            self._heard.pop(key, None)
        else:
            self._seen[key] = self._monotonic()
            self._heard[key] = self._now()


def _says_the_same(one: BuilderPresence, other: BuilderPresence) -> bool:
    """Whether nothing but the beat is new: it comes every few seconds, and no page need ask again for it."""
    return replace(one, beat=0) == replace(other, beat=0)
