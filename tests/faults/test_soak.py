"""Everything at once: many builds, and roles and broker that are killed and stopped at random moments of one seed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.faultlog import note
from tests.support.fleet import LONG, Fleet, History, programs_of
from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.domain import subjects
from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.records import BuildRecord, BuildState, FailureKind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.system import Role

SEED: Final = int(os.environ.get("WOMBAT_SOAK_SEED", "6"))
BUILDS: Final = int(os.environ.get("WOMBAT_SOAK_BUILDS", "500" if LONG else "40"))
BUILDERS: Final = 4
SERVICES: Final = 2
_LEASE: Final = 3.0
_PAUSES: Final = (0.5, 2.5)
"""Seconds between two faults, at least and at most."""


class Chaos:
    """Kills, stops and restarts what runs, until it is told to let everything be well."""

    def __init__(self, fleet: Fleet, dice: random.Random) -> None:
        self._fleet = fleet
        self._dice = dice
        self.services = [fleet.start("service") for _ in range(SERVICES)]
        self.builders = [self._builder(number) for number in range(BUILDERS)]
        self.done: list[str] = []

    def _builder(self, number: int) -> Role:
        return self._fleet.start("builder", WOMBAT_BUILDER_NAME=f"builder-{number}")

    async def run(self, stop: asyncio.Event) -> None:
        """One fault after another until *stop*; afterwards everything runs."""
        faults = (self._kill_builder, self._stop_builder, self._kill_service, self._kill_broker)
        while not stop.is_set():
            fault = self._dice.choices(faults, weights=(4, 2, 2, 1))[0]
            begun = time.monotonic()
            await fault()
            self.done.append(fault.__name__.strip("_"))
            note(f"soak: {self.done[-1].replace('_', ' ')}", time.monotonic() - begun)
            try:
                async with asyncio.timeout(self._dice.uniform(*_PAUSES)):
                    await stop.wait()
            except TimeoutError:
                continue

    async def _kill_builder(self) -> None:
        number = self._dice.randrange(BUILDERS)
        self.builders[number].kill()
        self.builders[number] = self._builder(number)

    async def _stop_builder(self) -> None:
        """Longer than a lease: it is taken for dead, and comes back."""
        builder = self._dice.choice(self.builders)
        builder.signal(signal.SIGSTOP)
        await asyncio.sleep(_LEASE + 2)
        builder.signal(signal.SIGCONT)

    async def _kill_service(self) -> None:
        number = self._dice.randrange(SERVICES)
        self.services[number].kill()
        self.services[number] = self._fleet.start("service")

    async def _kill_broker(self) -> None:
        await self._fleet.broker.kill()
        await asyncio.sleep(self._dice.uniform(0.1, 1.5))
        await self._fleet.broker.start()


async def until_all_ended(fleet: Fleet) -> list[BuildRecord]:
    """Wait until every build is over."""
    while True:
        records = await fleet.all()
        if all(record.state.final for record in records):
            return records
        await asyncio.sleep(0.2)


@pytest.mark.timeout(3600)
async def test_everything_at_once(fleet: Fleet, tmp_path: Path) -> None:
    """Faults of all kinds while builds are asked for, cancelled and built → the laws hold.

    Every build that was asked for ends; what was not cancelled has succeeded; no result is published twice, and none
    changes; no acknowledged record is lost; every artifact, log and list of contents can be read and verifies; no
    process, lease or folder is left.
    """
    dice = random.Random(SEED)
    chaos = Chaos(fleet, dice)
    history = History(fleet.records)
    asked: dict[str, str] = {}
    cancelled = set[str]()
    calm = asyncio.Event()
    begun = time.monotonic()
    async with history.kept():
        storm = asyncio.create_task(chaos.run(calm), name="chaos")
        for number in range(BUILDS):
            build = await fleet.request("soak", f"1.0.{number}", priority=dice.choice((0, 0, 0, 5)))
            asked[build] = f"1.0.{number}"
            if dice.random() < 0.1:
                try:
                    await fleet.client.cancel(build)
                    cancelled.add(build)
                except Refused:
                    pass  # it was quicker
            await asyncio.sleep(dice.uniform(0, 0.2))
        half = BUILDS // 2
        async with asyncio.timeout(60 + 6 * BUILDS):
            while sum(record.state.final for record in await fleet.all()) < half:
                await asyncio.sleep(0.2)
            calm.set()
            await storm
            records = await until_all_ended(fleet)
            for record in records:
                if record.state is BuildState.FAILED:  # a fault has spent its attempts: a person asks again
                    assert {attempt.ended_as for attempt in record.attempts} <= {"lost", "failed"}
                    assert record.failure is not None
                    assert record.failure.kind is not FailureKind.USER, record.failure
                    await fleet.client.retry(record.id)
            records = await until_all_ended(fleet)
    note(f"soak of {BUILDS} builds", time.monotonic() - begun)

    assert set(asked) == {record.id for record in records}, "no acknowledged request is lost"
    ended = {record.id: record.state for record in records}
    assert {build for build, state in ended.items() if state is not BuildState.SUCCEEDED} <= cancelled
    assert history.resets == 0
    succeeded = [record for record in records if record.state is BuildState.SUCCEEDED]
    await fleet.verify(succeeded, tmp_path)
    for role in (*chaos.builders, *chaos.services):
        assert role.stop() == 0, role.said
    known = {subjects.build_lease(each.builder, record.id) for record in records for each in record.attempts}
    assert await fleet.keys(fleet.leases) <= known
    leases = await jetstream.page(fleet.connection, subjects.kv_stream(subjects.LEASES), "$KV.leases.build.>", 0)
    assert all("Nats-TTL" in message.headers for message in leases.messages), "the broker forgets what the killed left"
    programs = programs_of(fleet.system.folder, {os.getpid()})
    assert [command for command in programs.values() if "nats-server" not in command] == []
    work = fleet.system.data / "work"
    assert [path.name for path in work.glob("*/*") if path.name != ".lock"] == []
