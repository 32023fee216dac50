"""How soon everything is well again: each role a process of its own, on a real broker, with the real compiler."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.faultlog import note
from tests.support.system import COMMITS
from wombat_gitops.domain.records import BuildState

if TYPE_CHECKING:
    from tests.support.fleet import Fleet

ROUNDS = 10 if os.environ.get("WOMBAT_FAULTS") == "long" else 1


@pytest.mark.timeout(900)
async def test_builder_killed_while_it_compiles(fleet: Fleet) -> None:
    """Kill -9 of the builder that has a build → it runs on another one, one attempt lost, one result.

    The lease here is 3 s; the aim is a lease and 2 s.
    """
    fleet.system.git("commit", "-q", "--allow-empty", "-m", "begin")
    fleet.start("service")
    fleet.start("watcher", **COMMITS)
    fleet.start("builder")
    for number in range(ROUNDS):
        fleet.system.write("slow", version=f"1.0.{number}", packages=["slow"], core=fleet.slow())
        fleet.system.commit()
        killed = await fleet.running()
        fleet.start("builder")
        begun = time.monotonic()
        os.kill(int(re.split(r"[.-]", killed.attempt.builder)[-2]), signal.SIGKILL)
        async with asyncio.timeout(60):
            while True:
                found = await fleet.records.get(killed.id)
                assert found is not None
                if found.value.state is BuildState.RUNNING and found.value.attempt.builder != killed.attempt.builder:
                    break
                await asyncio.sleep(0.01)
        note("builder killed while it compiles, lease 3 s", time.monotonic() - begun)
        records = await fleet.until(BuildState.SUCCEEDED, number + 1)
        (record,) = [record for record in records if record.id == killed.id]
        assert [attempt.ended_as for attempt in record.attempts] == ["lost", "succeeded"], record.attempts


@pytest.mark.timeout(900)
async def test_broker_killed_and_back(fleet: Fleet) -> None:
    """Kill -9 of the broker, and its restart → what was committed meanwhile is requested, built and shown.

    The aim is that all roles are at work 2 s after it is back.
    """
    fleet.system.write("tiny", version="0.0.0")
    fleet.system.commit()
    fleet.start("service")
    fleet.start("watcher", **COMMITS)
    fleet.start("builder")
    _, address = await fleet.api()
    await fleet.until(BuildState.SUCCEEDED)
    before = {record.id: record for record in await fleet.all()}
    for number in range(ROUNDS):
        await fleet.broker.kill()
        fleet.system.write("tiny", version=f"1.0.{number}")
        fleet.system.commit()
        await fleet.broker.start()
        begun = time.monotonic()
        async with asyncio.timeout(60):
            while not (fresh := [record for record in await fleet.all() if record.id not in before]):
                await asyncio.sleep(0.01)
            note("broker killed: service and watcher at work", time.monotonic() - begun)
            while fresh[0].state is BuildState.QUEUED:
                fresh = [record for record in await fleet.all() if record.id not in before]
                await asyncio.sleep(0.01)
            note("broker killed: builder at work", time.monotonic() - begun)
        await fleet.system.until_state("tiny", "succeeded", version=f"1.0.{number}", base=address)
        now = {record.id: record for record in await fleet.all()}
        assert {identity: now[identity] for identity in before} == before, "nothing that was there has changed"
        before = now
