"""What waits in the queue as one builder sees it, and which of it is next (see `domain.scheduling`).

Kept up to date change by change, so that choosing looks at one build of each source and not at the whole queue.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wombat_gitops.domain.records import BuildRecord, BuildState
from wombat_gitops.domain.scheduling import NOTHING, Place, Share, fits, place_of, turn_of
from wombat_gitops.ports import Versioned

if TYPE_CHECKING:
    from collections.abc import Collection

    from wombat_gitops.domain.capability import Capabilities


@dataclass(slots=True)
class _Ticket:
    """A build that waits; `until` while it is held back, `place` while it is in a line."""

    entry: Versioned[BuildRecord]
    place: Place
    until: datetime | None


class Waiting:
    """The queued builds that a builder can do, and what runs of each source in the whole fleet.

    Args:
        builder: id of the builder.
        can: what it can do.
    """

    def __init__(self, builder: str, can: Capabilities) -> None:
        self._builder = builder
        self._can = can
        self._tickets: dict[str, _Ticket] = {}
        self._lines: defaultdict[int, dict[str, list[Place]]] = defaultdict(dict)
        self._held: list[tuple[datetime, str]] = []
        self._running: dict[str, str] = {}
        self._shares: dict[str, Share] = {}

    def __len__(self) -> int:
        return len(self._tickets)

    def note(self, entry: Versioned[BuildRecord]) -> None:
        """Take a build in whatever state it is; what the builder cannot do never waits here."""
        record = entry.value
        self._drop(entry.key)
        self._count(entry.key, record)
        if record.state is BuildState.QUEUED and fits(self._can, record):
            ticket = _Ticket(entry, place_of(record, self._builder), record.not_before)
            self._tickets[entry.key] = ticket
            self._hold(ticket) if ticket.until is not None else self._line_up(ticket)

    def forget(self, key: str) -> None:
        """A build is gone."""
        self._drop(key)
        self._end(key)

    def clear(self) -> None:
        """All builds are gone."""
        self._tickets.clear()
        self._lines.clear()
        self._held.clear()
        self._running.clear()
        self._shares.clear()

    def give_up(self, entry: Versioned[BuildRecord]) -> None:
        """Leave a build to others until there is news of it."""
        ticket = self._tickets.get(entry.key)
        if ticket is not None and ticket.entry is entry:
            self._drop(entry.key)

    def postpone(self, entry: Versioned[BuildRecord], until: datetime) -> None:
        """Look at a build again at *until*, or when there is news of it."""
        ticket = self._tickets.get(entry.key)
        if ticket is not None and ticket.entry is entry:
            self._drop(entry.key)
            ticket.until = until
            self._tickets[entry.key] = ticket
            self._hold(ticket)

    def next(self, now: datetime, but: Collection[str] = ()) -> Versioned[BuildRecord] | None:
        """The build to take at *now*, none of those in *but*; None where there is none."""
        self._release(now)
        for priority in sorted(self._lines, reverse=True):
            first = None
            for source, line in self._lines[priority].items():
                place = next((place for place in line if place[-1] not in but), None)
                if place is not None:
                    turn = turn_of(source, self._shares.get(source, NOTHING), self._builder)
                    first = min(first, (turn, place)) if first is not None else (turn, place)
            if first is not None:
                return self._tickets[first[1][-1]].entry
        return None

    def next_at(self) -> datetime | None:
        """When a build that is held back may be taken; None where there is none."""
        while self._held and not self._is_held(*self._held[0]):
            heapq.heappop(self._held)
        return self._held[0][0] if self._held else None

    def shares(self) -> dict[str, Share]:
        """What each source has of the fleet."""
        return dict(self._shares)

    def _count(self, key: str, record: BuildRecord) -> None:
        if record.state is not BuildState.RUNNING:
            self._end(key)
            return
        source = record.origin.source
        share = self._shares.get(source, NOTHING)
        started = record.attempts[-1].started_at.timestamp() if record.attempts else 0.0
        more = 0 if key in self._running else 1
        self._running[key] = source
        self._shares[source] = Share(share.running + more, max(share.turn, started))

    def _end(self, key: str) -> None:
        source = self._running.pop(key, None)
        if source is not None:
            share = self._shares[source]
            self._shares[source] = Share(share.running - 1, share.turn)

    def _line_up(self, ticket: _Ticket) -> None:
        record = ticket.entry.value
        insort(self._lines[record.priority].setdefault(record.origin.source, []), ticket.place)

    def _hold(self, ticket: _Ticket) -> None:
        if ticket.until is not None:
            heapq.heappush(self._held, (ticket.until, ticket.entry.key))

    def _release(self, now: datetime) -> None:
        while self._held and self._held[0][0] <= now:
            until, key = heapq.heappop(self._held)
            if self._is_held(until, key):
                self._tickets[key].until = None
                self._line_up(self._tickets[key])

    def _is_held(self, until: datetime, key: str) -> bool:
        ticket = self._tickets.get(key)
        return ticket is not None and ticket.until == until

    def _drop(self, key: str) -> None:
        ticket = self._tickets.pop(key, None)
        if ticket is None or ticket.until is not None:
            return
        record = ticket.entry.value
        lines = self._lines[record.priority]
        line = lines[record.origin.source]
        del line[bisect_left(line, ticket.place)]
        if not line:
            del lines[record.origin.source]
        if not lines:
            del self._lines[record.priority]
