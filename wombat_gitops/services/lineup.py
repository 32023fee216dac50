"""The queue as people see it: in which order it is taken, what is ahead of a build, and who could take it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.nobuilder import why_nobody
from wombat_gitops.domain.records import BuildState
from wombat_gitops.domain.scheduling import Share, order_for_all, takers
from wombat_gitops.domain.subjects import builder_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from wombat_gitops.domain.catalogue import BuilderPresence
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.services.build_index import BuildIndex

MANY: Final = 2000
"""A longer queue is put in order at most once a second."""

_SECOND: Final = 1.0


class Lineup:
    """The queued builds in order.

    First what builders can take now, as they share it among sources; then what is held back after a failure; last
    what no builder can take.

    Args:
        builders: those that show signs of life.
        now: wall clock, for what is held back.
        monotonic: seconds that only grow.
    """

    def __init__(
        self,
        index: BuildIndex,
        builders: Callable[[], Sequence[BuilderPresence]],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._index = index
        self._builders = builders
        self._now = now
        self._monotonic = monotonic
        self._version = -1
        self._made = 0.0
        self._until: datetime | None = None
        self._order: Sequence[BuildRecord] = ()
        self._places: dict[str, int] = {}

    def order(self, version: int) -> Sequence[BuildRecord]:
        """Every queued build; *version* is another one whenever a build or a builder has changed."""
        if not self._is_good(version):
            self._arrange()
            self._version, self._made = version, self._monotonic()
            self._places = {record.id: place for place, record in enumerate(self._order, 1)}
        return self._order

    def position(self, record: BuildRecord, version: int) -> int | None:
        """Place in the queue, 1 for the build that is next; None where it is not queued."""
        if record.state is not BuildState.QUEUED:
            return None
        self.order(version)
        return self._places.get(record.id)

    def ahead(self, position: int) -> list[tuple[str, int]]:
        """How many builds of each source come before a position of the order that was last asked for, most first."""
        sources = Counter(record.origin.source for record in self._order[: position - 1])
        return sorted(sources.items(), key=lambda item: (-item[1], item[0]))

    def takers(self, record: BuildRecord) -> list[str]:
        """Names of the builders at work one of which takes a build."""
        return sorted({builder_name(each.id) for each in takers(record, self._builders())})

    def _is_good(self, version: int) -> bool:
        if self._until is not None and self._now() >= self._until:
            return False
        if version == self._version:
            return True
        return len(self._order) > MANY and self._monotonic() - self._made < _SECOND

    def _arrange(self) -> None:
        now, builders = self._now(), self._builders()
        ready: list[BuildRecord] = []
        held: list[tuple[datetime, str, BuildRecord]] = []
        stranded: list[BuildRecord] = []
        nobody: dict[tuple[object, ...], bool] = {}
        for record in self._index.in_state(BuildState.QUEUED):
            kind = (record.spec.platform, record.spec.cgo, record.needs)
            if kind not in nobody:
                nobody[kind] = why_nobody(record, builders) is not None
            if nobody[kind]:
                stranded.append(record)
            elif record.not_before is not None and record.not_before > now:
                held.append((record.not_before, record.id, record))
            else:
                ready.append(record)
        shares = self._shares()
        waits = [record for _, _, record in sorted(held, key=lambda each: each[:2])]
        self._order = (*order_for_all(ready, shares), *waits, *order_for_all(stranded, shares))
        self._until = min((until for until, _, _ in held), default=None)

    def _shares(self) -> Mapping[str, Share]:
        shares: dict[str, Share] = {}
        for record in self._index.in_state(BuildState.RUNNING):
            share = shares.get(record.origin.source, Share())
            started = record.attempts[-1].started_at.timestamp() if record.attempts else 0.0
            shares[record.origin.source] = Share(share.running + 1, max(share.turn, started))
        return shares
