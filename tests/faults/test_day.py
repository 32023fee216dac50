"""A day of polls and heartbeats in which nothing happens, in as little time as it takes: nothing may grow."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import tracemalloc
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.factories import ManualClock, make_request
from tests.support.gitrepo import GitRepo
from tests.support.manifests import LOCK, SMALL
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.adapters.memory import MemoryObjects
from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.infrastructure import kv_stream
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain import subjects
from wombat_gitops.domain.catalogue import BuilderPresence, DistributionRecord, SourceLook, SourceRecord
from wombat_gitops.domain.lock import render_lock
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.messages import Lease
from wombat_gitops.domain.records import BuildRecord, BuildState
from wombat_gitops.services.catalog import Catalog
from wombat_gitops.services.claims import AttemptDesk, claim
from wombat_gitops.services.manifests import ManifestReader
from wombat_gitops.services.queue import BuildQueue, Inputs
from wombat_gitops.services.reconciler import Reconciler
from wombat_gitops.services.refreshing import Looks, RefreshedSource
from wombat_gitops.services.sweeper import Sweeper

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.broker import TestBroker
    from wombat_gitops.adapters.nats.connection import Connection

BEAT = 5.0
"""Seconds between two signs of life: a third of the lease."""
POLL = 30.0
HOURS = 24.0 if os.environ.get("WOMBAT_FAULTS") == "long" else 1.0
_BEFORE = 1 / 4
"""The part of the time after which everything is warm and its size is taken."""


@dataclass(frozen=True)
class Size:
    """What could grow."""

    heap: int
    handles: int
    children: int
    tasks: int
    messages: int
    stored: int


class Day:
    """A builder that works on one build the whole time, a sweeper, a watcher, and a catalogue that follows them."""

    def __init__(self, folder: Path, connection: Connection) -> None:
        self.connection = connection
        self.clock = ManualClock()
        self.builds = NatsStore(connection, subjects.BUILDS, BuildRecord)
        self.leases = NatsStore(connection, subjects.LEASES, Lease, prefix="build.")
        self.presence = NatsStore(connection, subjects.LEASES, BuilderPresence, prefix="builder.")
        self.looks = NatsStore(connection, subjects.LEASES, SourceLook, prefix="source.")
        self.sources = NatsStore(connection, subjects.SOURCES, SourceRecord)
        self.distributions = NatsStore(connection, subjects.DISTRIBUTIONS, DistributionRecord)
        self.catalog = Catalog(
            self.builds,
            self.distributions,
            self.sources,
            self.presence,
            connected=lambda: True,
            now=self.clock,
            monotonic=self.clock.monotonic,
            looks=self.looks,
        )
        inputs = Inputs(NatsStore(connection, subjects.INPUTS, str, compress=True))
        self.queue = BuildQueue(self.builds, inputs, MemoryObjects(folder / "objects"), self.catalog, self.clock)
        self.desk = AttemptDesk(self.builds, self.clock, lambda: 0.5)
        self.sweeper = Sweeper(self.builds, self.leases, self._running, self.clock, self.clock.monotonic)
        self.repo = GitRepo(folder / "repo")
        self.repo.commit(_manifest())
        source = RefreshedSource(
            RemoteSource(self.repo.url, "main", "manifests", folder / "mirror.git"), self.clock.monotonic
        )
        self.watcher = Reconciler(
            source,
            ManifestReader(source),
            self.queue,
            self.sources,
            self.distributions,
            self.clock,
            random=lambda: 0.5,
            monotonic=self.clock.monotonic,
            observe=Looks(source, self.looks, self.clock, POLL).observe,
        )

    def _running(self) -> list[BuildRecord]:
        return [record for record in self.catalog.known_builds().values() if record.state is BuildState.RUNNING]

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(self.catalog.run(stop))
        await self.catalog.ready.wait()
        try:
            yield
        finally:
            stop.set()
            await task

    async def pass_time(self, hours: float, beat: int) -> int:
        """Live through *hours*, whose first sign of life is the *beat*-th; returns the next one."""
        for _ in range(round(hours * 3600 / BEAT)):
            beat += 1
            self.clock.forward(BEAT)
            await self.held.renew()
            shown = BuilderPresence("one.1", "host", "0", 1, 1, self.clock.now, beat)
            await self.presence.put(subjects.builder_lease("one.1"), shown)
            assert await self.sweeper.sweep() == 0
            if beat % round(POLL / BEAT) == 0:
                outcome = await self.watcher.once()
                assert outcome.error is None
        return beat

    async def start(self) -> None:
        """One build that is worked on all day."""
        asked = await self.queue.request(make_request())
        held = await claim(self.desk, self.leases, asked.build.id, "one.1", "the-claim")
        assert held is not None
        self.held = held

    async def size(self) -> Size:
        """What there is now."""
        gc.collect()
        streams = [kv_stream(name) for name in (subjects.BUILDS, subjects.LEASES, subjects.SOURCES)]
        states = [(await jetstream.api(self.connection, f"STREAM.INFO.{name}", {}))["state"] for name in streams]
        return Size(
            heap=tracemalloc.get_traced_memory()[0],
            handles=len(list(Path("/proc/self/fd").iterdir())),
            children=len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()),
            tasks=await _lasting_tasks(),
            messages=sum(state["messages"] for state in states),
            stored=sum(state["bytes"] for state in states),
        )


async def _lasting_tasks() -> int:
    """How many tasks there are most of a second: on a busy machine some are about to end, or a watch begins anew."""
    counts = []
    for _ in range(100):
        await asyncio.sleep(0.01)
        counts.append(len(asyncio.all_tasks()))
    return statistics.mode(counts)


def _manifest() -> dict[str, str | None]:
    distribution = read_manifest("manifests/example.yaml", SMALL.encode()).distribution
    assert distribution is not None
    files = render_lock(distribution, LOCK)
    return {
        "manifests/example.yaml": SMALL,
        "manifests/example.lock/go.mod": files.go_mod,
        "manifests/example.lock/go.sum": files.go_sum,
    }


@pytest.mark.timeout(3600)
async def test_a_day_in_which_nothing_happens(tmp_path: Path, broker: TestBroker, connection: Connection) -> None:
    """Polls and heartbeats of a day → memory, handles, processes, tasks and streams are what they were after a quarter.

    An hour in its short form. The store on disk stays bounded too, though each sign of life is a message.
    """
    day = Day(tmp_path, connection)
    tracemalloc.start()
    try:
        async with day.following():
            await day.start()
            beat = await day.pass_time(HOURS * _BEFORE, 0)
            before = await day.size()
            await day.pass_time(HOURS * (1 - _BEFORE), beat)
            after = await day.size()
    finally:
        tracemalloc.stop()
    assert after.handles <= before.handles
    assert after.children <= before.children
    assert after.tasks <= before.tasks
    assert after.messages == before.messages
    assert after.stored <= before.stored + 1024
    assert after.heap <= before.heap + 256 * 1024, f"{after.heap - before.heap} bytes more"
    on_disk = sum(path.stat().st_size for path in (broker.folder / "store").rglob("*") if path.is_file())
    assert on_disk < 64 << 20
