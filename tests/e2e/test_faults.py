"""What must not happen when processes die: each role is a process of its own, and the broker is a real one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fleet import Fleet, fleet_of
from tests.support.system import COMMITS
from wombat_gitops.adapters.lifeline import ended_with_us
from wombat_gitops.domain.records import BuildState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.broker import TestBroker
    from tests.support.system import System


@pytest.fixture
async def fleet(system: System, broker: TestBroker) -> AsyncIterator[Fleet]:
    async with fleet_of(system, broker) as made:
        yield made


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
    fleet.system.write("slow", packages=["slow"], core=fleet.slow())
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
    fleet.system.write("slow", packages=["slow"], core=fleet.slow())
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
    fleet.system.write("slow", packages=["slow"], core=fleet.slow())
    fleet.system.commit()
    fleet.start("service")
    fleet.start("watcher", **COMMITS)
    fleet.start("builder")
    _, address = await fleet.api()
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
    up = system.start("up", **COMMITS)
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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals the death of a parent")
async def test_a_killed_wombat_up_left_its_broker_running(system: System) -> None:
    """Kill -9 of `wombat up` also ends its `nats-server`, which nobody else would until the next start."""
    system.write()
    system.commit()
    up = system.start("up")
    await system.until(lambda: "website and API" in up.said, "the start")
    pid = int((system.data / "broker/nats-server.pid").read_text())
    assert b"nats-server" in Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0]
    up.kill()
    await system.until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the broker")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals the death of a parent")
def test_a_broker_whose_parent_was_gone_first_ran_on() -> None:
    """A parent that dies before its child can ask for the signal sends none: the child must not start at all."""
    argv = ended_with_us([sys.executable, "-c", "print('started')"])
    assert subprocess.run(argv, check=True, capture_output=True).stdout == b"started\n"
    by_another = subprocess.run(["sh", "-c", '"$@"; true', "sh", *argv], check=True, capture_output=True)
    assert (by_another.stdout, by_another.stderr) == (b"", b"")


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
