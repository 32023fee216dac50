"""What must not happen when processes die: each role is a process of its own, and the broker is a real one."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.broker import TestBroker, prepared
from tests.support.goproxy import component
from tests.support.system import Role, System
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain import subjects
from wombat_gitops.domain.lifecycle import BuildRecord, BuildState
from wombat_gitops.ports import Put, Synced

SLOW = (
    "\nfunc slow(x int) int {\n"
    + "\n".join(f"\tx = x*{n} + (x >> {n % 7 + 1})" for n in range(4_000))
    + "\n\treturn x\n}\n"
)
"""Keeps the compiler busy for a few seconds."""


class Fleet:
    """Roles on one broker, and a look at the records."""

    def __init__(self, system: System, broker: TestBroker, records: NatsStore[BuildRecord]) -> None:
        self.system = system
        self.broker = broker
        self.records = records

    def start(self, *args: str) -> Role:
        return self.system.start(*args, WOMBAT_NATS=self.broker.url)

    async def all(self) -> list[BuildRecord]:
        """Every record there is."""
        found = []
        async for change in self.records.follow():
            if isinstance(change, Synced):
                break
            if isinstance(change, Put):
                found.append(change.entry.value)
        return found

    async def until(self, state: BuildState, count: int = 1) -> list[BuildRecord]:
        """Wait until *count* builds, and no fewer than all there are, are in *state*."""
        records: list[BuildRecord] = []
        try:
            async with asyncio.timeout(90):
                while True:
                    records = await self.all()
                    if len(records) >= count and all(record.state is state for record in records):
                        return records
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"not {state}: {[(record.state, record.failure) for record in records]}")

    async def running(self) -> BuildRecord:
        """Wait until a builder compiles something."""
        async with asyncio.timeout(90):
            while True:
                for record in await self.all():
                    if record.step is not None and record.step.step == "compile":
                        return record
                await asyncio.sleep(0.02)


@asynccontextmanager
async def fleet_of(system: System, broker: TestBroker) -> AsyncIterator[Fleet]:
    async with prepared(broker) as connection:
        yield Fleet(system, broker, NatsStore(connection, subjects.BUILDS, BuildRecord))


@pytest.fixture
async def fleet(system: System, broker: TestBroker) -> AsyncIterator[Fleet]:
    system.proxy.add_benthos(
        "v4.80.0",
        extra={
            "public/components/slow/slow.go": component("slow", extra="\nvar X = slow(1)\n" + SLOW),
        },
    )
    async with fleet_of(system, broker) as made:
        yield made
        system.close()


async def test_requested_while_no_builder_runs(fleet: Fleet) -> None:
    """What is queued before any builder starts is built when one comes."""
    fleet.system.write()
    fleet.system.commit()
    fleet.start("service")
    fleet.start("watcher")
    await fleet.until(BuildState.QUEUED)
    fleet.start("builder")
    await fleet.until(BuildState.SUCCEEDED)


async def test_builder_killed_in_the_compiler(fleet: Fleet) -> None:
    """A builder that dies leaves nothing `running`: another one finishes its build."""
    fleet.system.write("slow", packages=["slow"], core="v4.80.0")
    fleet.system.commit()
    fleet.start("service")
    fleet.start("watcher")
    first = fleet.start("builder")
    killed = await fleet.running()
    first.kill()
    fleet.start("builder")
    (record,) = await fleet.until(BuildState.SUCCEEDED)
    assert [attempt.ended_as for attempt in record.attempts] == ["lost", "succeeded"]
    assert record.attempts[0].claim == killed.attempt.claim
    assert record.attempts[0].builder != record.attempts[1].builder


async def test_stopped_builder_cannot_publish(fleet: Fleet) -> None:
    """A builder that slept past its lease wakes up, finds its build gone, and changes nothing."""
    fleet.system.write("slow", packages=["slow"], core="v4.80.0")
    fleet.system.commit()
    fleet.start("service")
    fleet.start("watcher")
    zombie = fleet.start("builder")
    await fleet.running()
    zombie.signal(signal.SIGSTOP)
    fleet.start("builder")
    (record,) = await fleet.until(BuildState.SUCCEEDED)
    zombie.signal(signal.SIGCONT)

    def dropped() -> Any:
        return "build_dropped" in zombie.said

    await fleet.system.until(dropped, "the zombie noticing")
    assert await fleet.all() == [record]


async def test_broker_killed_under_every_role(fleet: Fleet) -> None:
    """After a crash of the broker all roles go on by themselves, and no record is lost."""
    fleet.system.write("slow", packages=["slow"], core="v4.80.0")
    fleet.system.commit()
    fleet.start("service")
    fleet.start("watcher")
    fleet.start("builder")
    api = fleet.start("api")
    found = await fleet.system.until(lambda: re.search(r"http://127\.0\.0\.1:\d+", api.said), "the API's address")
    address = found.group()
    before = await fleet.running()
    await fleet.broker.kill()
    await fleet.broker.start()
    (record,) = await fleet.until(BuildState.SUCCEEDED)
    assert record.id == before.id
    assert len(record.attempts) == 1, "an outage takes no build away"
    fleet.system.write("later")
    fleet.system.commit()
    await fleet.system.until_state("later", "succeeded", base=address)


async def test_broker_killed_under_wombat_up(system: System) -> None:
    """`wombat up` starts its broker again and goes on building."""
    system.write("first")
    system.commit()
    up = system.start("up")
    await system.until_state("first", "succeeded")
    pid = int((system.data / "broker/nats-server.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    system.write("second")
    system.commit()
    await system.until_state("second", "succeeded")
    assert int((system.data / "broker/nats-server.pid").read_text()) != pid
    assert up.stop() == 0


async def test_wombat_up_killed(system: System) -> None:
    """After kill -9 the next start takes over the store and the broker that was left, and loses nothing."""
    system.write("first")
    system.commit()
    up = system.start("up")
    before = await system.until_state("first", "succeeded")
    up.kill()
    system.write("second")
    system.commit()
    again = system.start("up")
    await system.until(lambda: "website and API" in again.said, "the new start")
    await system.until_state("second", "succeeded")
    after = await system.until_state("first", "succeeded")
    assert [build["artifact"] for build in after] == [build["artifact"] for build in before]
    assert again.stop() == 0


async def test_two_builders_share_the_work(fleet: Fleet) -> None:
    """Two builders build every platform once."""
    fleet.system.write(platforms=["linux/amd64", "linux/arm64", "windows/amd64", "darwin/arm64"])
    fleet.system.commit()
    fleet.start("service")
    fleet.start("service")
    fleet.start("builder")
    fleet.start("builder")
    fleet.start("watcher")
    records = await fleet.until(BuildState.SUCCEEDED, 4)
    assert len(records) == 4
    assert all(len(record.attempts) == 1 for record in records)
