"""What it costs a builder to know the queue and to choose from it: 10,000 queued builds of 1, 100 and 1,000 sources.

Each choice is followed by what it brings about: the build that was chosen starts, and an earlier one ends.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.factories import NOW, make_spec
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.capability import EVERYTHING
from wombat_gitops.domain.records import BuildRecord, Origin
from wombat_gitops.domain.scheduling import order_of
from wombat_gitops.ports import Versioned
from wombat_gitops.services.dispatch import Waiting

QUEUED = 10_000
CHOICES = 2_000
RUNNING = 200


def queue(sources: int) -> list[BuildRecord]:
    """Builds of *sources*, asked for one a second in turns."""
    spec = make_spec()
    return [
        lifecycle.queued(
            f"{number:064x}", spec, Origin(f"source-{number % sources}"), 0, NOW + timedelta(seconds=number)
        )
        for number in range(QUEUED)
    ]


def measure(sources: int) -> None:
    """Print microseconds a change and a choice, and how much dearer it is to sort everything for each choice."""
    records = queue(sources)
    waiting = Waiting("bench.1", EVERYTHING)
    started = time.perf_counter()
    for revision, record in enumerate(records):
        waiting.note(Versioned(record.id, record, revision))
    noting = (time.perf_counter() - started) / QUEUED
    running: deque[BuildRecord] = deque()
    choosing = 0.0
    for number in range(CHOICES):
        now = NOW + timedelta(days=1, seconds=number)
        started = time.perf_counter()
        entry = waiting.next(now)
        choosing += time.perf_counter() - started
        assert entry is not None
        running.append(lifecycle.claimed(entry.value, "other.1", "mark-1234", now))
        waiting.note(Versioned(entry.key, running[-1], entry.revision + QUEUED))
        if len(running) > RUNNING:
            ended = lifecycle.cancelled(running.popleft(), now)
            waiting.note(Versioned(ended.id, ended, entry.revision + 2 * QUEUED))
    started = time.perf_counter()
    shares = waiting.shares()
    sorted(records, key=lambda record: order_of(record, shares, "bench.1"))
    sorting = time.perf_counter() - started
    choice = choosing / CHOICES
    print(
        f"{sources:5} sources: {noting * 1e6:6.1f} µs a change, {choice * 1e6:7.1f} µs a choice, "
        f"sorting all {sorting * 1e3:.0f} ms ({sorting / choice:,.0f} times a choice)"
    )


if __name__ == "__main__":
    for count in (1, 100, 1_000):
        measure(count)
