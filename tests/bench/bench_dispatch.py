"""From `build.request` to the end of the build when nothing is compiled: how soon, and how many a second.

One service, four builders and one caller, each a process of its own, on one broker; the builders' engine returns
at once. First one build after the other (how long from queued to started), then a burst (how many a second end to
end). The limit of the same run is the broker's store: compare-and-set writes a second, as many as a build needs.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

sys.path.insert(0, str(Path(__file__).parents[2]))

import uvloop

from tests.support.factories import make_request
from wombat_gitops import __version__
from wombat_gitops.adapters.broker import embedded
from wombat_gitops.adapters.workspaces import Workspaces
from wombat_gitops.domain.catalogue import SourceRecord
from wombat_gitops.domain.model import Artifact
from wombat_gitops.domain.records import BuildRecord, BuildState, StoredLog
from wombat_gitops.ports import Put
from wombat_gitops.services.builder import Backend, Builder, Identity
from wombat_gitops.services.engine import Built
from wombat_gitops.settings import Settings
from wombat_gitops.telemetry import configure_logging
from wombat_gitops.wiring import machine, roles, single

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wombat_gitops.services.engine import Engine

BUILDERS = 4
ONE_BY_ONE = 200
BURST = 1_500
AT_ONCE = 32
WRITES = 5
"""Records, and messages of the log, that one short build writes."""


class NoWork:
    """An engine that has built everything before it was asked."""

    async def build(self, *_: object) -> Built:
        return Built(Artifact("0" * 64, 1, "tiny"), StoredLog("1" * 64, 1))


async def builder(settings: Settings) -> None:
    """A builder whose builds take no time."""
    async with roles.backbone(settings, settings.nats, "builder") as spine:
        identity = Identity(machine.builder_id(), "bench", __version__, settings.workers)
        spaces = Workspaces(settings.data / "work", identity.id)
        backend = Backend(
            spine.builds,
            spine.attempts,
            spine.leases,
            spine.presence,
            spine.orders,
            spine.inputs,
            spine.objects,
            spine.logs,
        )
        engine = cast("Engine", NoWork())
        work = Builder(
            identity, backend, engine, spaces.workspace, machine.chance(), lease_seconds=settings.lease_seconds
        )
        await work.run(asyncio.Event())


async def limit(spine: roles.Backbone, count: int) -> float:
    """Compare-and-set writes a second of the broker's store, as many at once as the burst has."""
    gate = asyncio.Semaphore(AT_ONCE)
    value = SourceRecord("bench", "x" * 1_000, "main", "manifests")

    async def one(number: int) -> None:
        async with gate:
            await spine.sources.create(f"bench-{number}", value)

    begun = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(count)))
    return count / (time.perf_counter() - begun)


class Seen:
    """What a follower of the records sees of them."""

    def __init__(self) -> None:
        self.records: dict[str, BuildRecord] = {}
        self._changed = asyncio.Event()

    async def follow(self, spine: roles.Backbone) -> None:
        async for change in spine.builds.follow():
            if isinstance(change, Put):
                self.records[change.entry.key] = change.entry.value
                self._changed.set()

    async def until(self, done: Callable[[], bool]) -> None:
        while not done():
            self._changed.clear()
            await self._changed.wait()

    def finished(self, names: set[str]) -> bool:
        states = (self.records[name].state for name in names if name in self.records)
        return sum(state is BuildState.SUCCEEDED for state in states) == len(names)


async def ask(spine: roles.Backbone, version: str) -> str:
    """Request one build."""
    return (await spine.client.request(make_request(version=version))).build.id


async def measure(spine: roles.Backbone, seen: Seen, writes: float) -> None:
    """Print the figures."""
    for number in range(20):
        name = await ask(spine, f"0.0.{number}")
        await seen.until(lambda name=name: seen.finished({name}))  # type: ignore[misc]
    names = set[str]()
    for number in range(ONE_BY_ONE):
        name = await ask(spine, f"1.0.{number}")
        names.add(name)
        await seen.until(lambda name=name: seen.finished({name}))  # type: ignore[misc]
    waits = sorted(
        (seen.records[name].attempt.started_at - seen.records[name].requested_at).total_seconds() * 1e3
        for name in names
    )
    print(
        f"queued to started, one by one, {BUILDERS} builders: p50 {statistics.median(waits):.1f} ms   "
        f"p99 {waits[int(len(waits) * 0.99) - 1]:.1f} ms   max {waits[-1]:.1f} ms"
    )
    begun = time.perf_counter()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> str:
        async with gate:
            return await ask(spine, f"2.0.{number}")

    burst = set(await asyncio.gather(*(one(number) for number in range(BURST))))
    await seen.until(lambda: seen.finished(burst))
    wall = time.perf_counter() - begun
    again = sum(len(seen.records[name].attempts) - 1 for name in burst)
    rate, alone = BURST / wall, writes / WRITES
    print(f"burst of {BURST}: {rate:.0f} builds/s end to end, {again} attempts too many")
    print(f"the store alone: {writes:.0f} writes/s = {alone:.0f} builds/s of {WRITES} writes; ratio {rate / alone:.2f}")


async def main() -> None:
    """Start everything and measure."""
    with tempfile.TemporaryDirectory() as folder:
        async with embedded(Path(folder) / "broker") as broker:
            env = {**os.environ, "WOMBAT_NATS": broker.url, "WOMBAT_DATA": folder, "WOMBAT_WORKERS": "4"}
            async with roles.backbone(Settings(), broker.url, "limit") as spine:
                writes = await limit(spine, 2_000)
            ran = [
                subprocess.Popen([sys.executable, __file__, role], env=env)
                for role in ["service", *["builder"] * BUILDERS]
            ]
            try:
                settings = Settings(nats=broker.url, data=Path(folder))
                async with roles.backbone(settings, broker.url, "caller") as spine:
                    seen = Seen()
                    follower = asyncio.create_task(seen.follow(spine))
                    await measure(spine, seen, writes)
                    follower.cancel()
            finally:
                for process in ran:
                    process.terminate()
                    process.wait()


ROLES: dict[str, Callable[[], Awaitable[None]]] = {
    "": main,
    "service": lambda: single.run_service(Settings(), asyncio.Event()),
    "builder": lambda: builder(Settings()),
}

if __name__ == "__main__":
    configure_logging(log_format="text", level="error", color=False)
    uvloop.run(ROLES[sys.argv[1] if len(sys.argv) > 1 else ""]())  # type: ignore[arg-type]
