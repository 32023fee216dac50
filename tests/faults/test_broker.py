"""The broker is frozen, comes back empty, or finds its disk full, under real roles."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

from tests.support.broker import TestBroker
from tests.support.faultlog import note
from tests.support.fleet import LONG, Fleet, fleet_of
from tests.support.smalldisk import small_disk
from wombat_gitops.domain.errors import Unreachable
from wombat_gitops.domain.records import MAX_ATTEMPTS, BuildState

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.system import System

FROZEN = 30.0 if LONG else 7.0
"""Seconds; more than two leases of 3 s."""


async def test_frozen_for_longer_than_a_lease(fleet: Fleet) -> None:
    """The broker is stopped (SIGSTOP) past every lease while a build runs → no attempt is taken away or repeated.

    A sweeper that could not see counts anew; the builder goes on compiling and publishes when the broker is back.
    """
    fleet.start("service")
    fleet.start("builder")
    build = await fleet.request("slow", packages=["slow"], core=fleet.slow())
    running = await fleet.running()
    fleet.broker.signal(signal.SIGSTOP)
    await asyncio.sleep(FROZEN)
    fleet.broker.signal(signal.SIGCONT)
    begun = time.monotonic()
    record = await fleet.until_ended(build)
    note("broker frozen past every lease: the build has ended", time.monotonic() - begun)
    assert [(each.claim, each.ended_as) for each in record.attempts] == [(running.attempt.claim, "succeeded")]


async def test_roles_that_start_before_the_broker(system: System, tmp_path: Path) -> None:
    """Roles are started, and the broker seconds later → they wait for it, and then do their work."""
    broker = await TestBroker(tmp_path / "broker").start()
    await broker.stop()
    system.write()
    system.commit()
    env = {"WOMBAT_NATS": broker.url}
    roles = [system.start(name, **env) for name in ("service", "builder", "watcher")]
    try:
        await asyncio.sleep(3)
        assert [role.process.poll() for role in roles] == [None] * len(roles)
        await broker.start()
        async with fleet_of(system, broker) as fleet:
            await fleet.until(BuildState.SUCCEEDED)
    finally:
        system.close()
        await broker.stop()


async def test_back_with_an_empty_store(fleet: Fleet, tmp_path: Path) -> None:
    """The broker comes back without anything → roles make the streams anew, the watcher asks again, it is built again.

    Nobody has to do anything; the website shows what there is now.
    """
    fleet.system.write()
    fleet.system.commit()
    fleet.start("service")
    fleet.start("builder")
    fleet.start("watcher")
    _, address = await fleet.api()
    (before,) = await fleet.system.until_state("tiny", "succeeded", base=address)
    await fleet.broker.kill()
    fleet.broker.lose_store()
    await fleet.broker.start()
    begun = time.monotonic()
    records = await fleet.until(BuildState.SUCCEEDED)
    note("broker back with an empty store: everything is built again", time.monotonic() - begun)
    await fleet.verify(records, tmp_path)
    (after,) = await fleet.system.until_state("tiny", "succeeded", base=address)
    assert after["artifact"] == before["artifact"], "equal inputs give equal bytes"


async def test_a_full_disk(system: System, tmp_path: Path) -> None:
    """The broker's disk is full → requests are refused with a reason and nothing acknowledged is lost.

    Once there is room, what is asked for again is built, by the same processes.
    """
    with small_disk(tmp_path / "disk", "4g") as disk:
        broker = await TestBroker(disk.folder / "broker").start()
        try:
            async with fleet_of(system, broker) as fleet:
                fleet.start("service")
                await system.until(lambda: "role_started" in fleet.said, "the service")
                kept = await fleet.request("tiny", "1.0.0")
                disk.resize("24m")
                disk.fill()
                refused = 0
                for number in range(200):
                    try:
                        async with asyncio.timeout(3):
                            await fleet.request("tiny", f"2.0.{number}")
                    except (Unreachable, TimeoutError):
                        refused += 1
                        break
                assert refused, "a disk of no bytes takes everything"
                (disk.folder / "filling").unlink()
                disk.resize("4g")
                await broker.kill()  # the server does not look again by itself
                await broker.start()
                fleet.start("builder")
                again = await fleet.request("tiny", f"2.0.{number}")
                for build in (kept, again):
                    record = await fleet.until_ended(build)
                    assert record.state is BuildState.SUCCEEDED, record.failure
        finally:
            await broker.stop()


async def test_a_store_that_takes_nothing_costs_no_attempt(system: System, tmp_path: Path) -> None:
    """Streams at their limit, in the middle of a build → reads go on, and no builder is taken for dead by that.

    The build that runs ends well once there is room, and what was asked for before is built too.
    """
    broker = await TestBroker(tmp_path / "broker").start()
    try:
        async with fleet_of(system, broker) as fleet:
            fleet.start("service")
            core = fleet.slow()
            builder = fleet.start("builder")
            slow = await fleet.request("slow", packages=["slow"], core=core, priority=1)
            waiting = await fleet.request("tiny")
            await fleet.running("compile")
            await fleet.refuse_writes(yes=True)
            # The sweeper, too, is in the middle of a write by then.
            await system.until(lambda: "lease_not_renewed" in builder.said, "signs of life that are refused")
            await fleet.refuse_writes(yes=False)
            for build in (slow, waiting):
                record = await fleet.until_ended(build)
                assert record.state is BuildState.SUCCEEDED, record.failure
                assert {attempt.ended_as for attempt in record.attempts} <= {"released", "succeeded"}, record
                assert record.tries_left == MAX_ATTEMPTS - 1
    finally:
        await broker.stop()
