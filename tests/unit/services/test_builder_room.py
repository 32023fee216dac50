"""A builder whose disk is full, and a broker that takes no result: neither costs a build an attempt."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.factories import SPEC, make_request
from tests.support.fakes import ScriptedCompiler
from tests.unit.services.test_builder import Shop, shop
from tests.unit.services.test_builder_service import Machine, Pause, shown
from wombat_gitops.domain.catalogue import BuilderState
from wombat_gitops.domain.errors import InternalError, Unreachable
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.model import Artifact
from wombat_gitops.domain.records import MAX_ATTEMPTS, BuildState, Failure, FailureKind, StepFailed, StoredLog
from wombat_gitops.services.attempt import GivenBack
from wombat_gitops.services.disk import Space
from wombat_gitops.services.engine import Built, Engine
from wombat_gitops.services.room import Room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wombat_gitops.domain.messages import AttemptAnswer, AttemptClaim
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.ports import Workspace

ID = build_id(SPEC)
MIB = 1024**2
FULL = Failure(FailureKind.INTERNAL, "DiskFull", "write /w/b001: no space left on device")

__all__ = ["shop"]


class Disk:
    """A disk with as much room as the test says."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.looks = 0

    def __call__(self) -> Sequence[Space]:
        self.looks += 1
        return (Space("data folder", self.free * MIB, 512 * MIB),)


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not what():
            await asyncio.sleep(0.005)


async def until_record(shop: Shop, what: Callable[[BuildRecord], object]) -> BuildRecord:
    async with asyncio.timeout(60):
        while not what(record := (await shop.bench.entry()).value):
            await asyncio.sleep(0.005)
    return record


async def test_a_builder_without_space_used_up_the_attempts_of_builds(shop: Shop) -> None:
    """It claims nothing, says what is missing, and goes on by itself once there is room."""
    disk, pause = Disk(12), Pause()
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder(room=disk, pause=pause)):
        presence = await shown(shop, "one", BuilderState.QUARANTINED)
        assert presence.reason == "no space: 12 MiB free, 512 MiB needed in the data folder"
        disk.free = 100
        await pause.over()
        await until(lambda: len(pause.asked) > 1)
        presence = await shown(shop, "one", BuilderState.QUARANTINED)
        assert presence.reason == "no space: 100 MiB free, 512 MiB needed in the data folder"
        assert (await shop.until(ID, BuildState.QUEUED)).attempts == ()
        disk.free = 600
        await pause.over()
        record = await shop.until(ID, BuildState.SUCCEEDED)
        assert (await shown(shop, "one", BuilderState.WORKING)).reason == ""
    assert [attempt.ended_as for attempt in record.attempts] == ["succeeded"]
    assert set(pause.asked) == {15}


async def test_a_disk_that_fills_up_between_two_looks_is_seen_before_the_claim(shop: Shop) -> None:
    """No timer has to run out first."""
    disk = Disk(600)
    async with shop.at_work(shop.builder(room=disk, pause=Pause())):
        await until(lambda: disk.looks)
        disk.free = 1
        await shop.bench.queue.request(make_request())
        await shown(shop, "one", BuilderState.QUARANTINED)
        assert (await shop.until(ID, BuildState.QUEUED)).attempts == ()


async def test_a_disk_that_cannot_be_looked_at_is_no_room(shop: Shop) -> None:
    def broken() -> Sequence[Space]:
        raise OSError(5, "Input/output error")

    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder(room=broken, pause=Pause())):
        presence = await shown(shop, "one", BuilderState.QUARANTINED)
    assert presence.reason == "its disk cannot be looked at: Input/output error"
    assert (await shop.until(ID, BuildState.QUEUED)).attempts == ()


class TightEngine(Engine):
    """Its first build meets what the test says."""

    error: Exception | None = None

    async def build(self, *args: Any, **more: Any) -> Built:
        error, self.error = self.error, None
        if error is not None:
            raise error
        return await super().build(*args, **more)


def raised_from(cause: Exception) -> Exception:
    error = InternalError("a file could not be written")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        OSError(122, "Disk quota exceeded"),
        StepFailed(FULL),
        raised_from(OSError(28, "No space left on device")),
    ],
    ids=["disk", "quota", "go", "cause"],
)
async def test_an_attempt_that_ran_out_of_space_was_used_up(shop: Shop, error: Exception) -> None:
    """It is given back for a little, its builder pauses and builds it later; the reason is on record."""
    pause, engine = Pause(), TightEngine(shop.compiler, shop.bench.objects)
    engine.error = error
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder(engine=engine, room=Disk(600), pause=pause)):
        record = await until_record(shop, lambda record: record.not_before)
        assert (record.state, record.tries_left) == (BuildState.QUEUED, MAX_ATTEMPTS)
        assert record.failure is not None
        assert record.failure.reason == "DiskFull"
        assert record.attempt.ended_as == "released"
        assert "==> given back: " in await shop.log(record)
        presence = await shown(shop, "one", BuilderState.QUARANTINED)
        assert presence.reason == "no space: a build needed more than there was, 600 MiB free in the data folder now"
        shop.bench.clock.forward(60)
        await pause.over()
        await until(lambda: len(pause.asked) > 1)
        assert (await shop.bench.entry()).value.state is BuildState.QUEUED
        await pause.over()
        done = await shop.until(ID, BuildState.SUCCEEDED)
    assert [attempt.ended_as for attempt in done.attempts] == ["released", "succeeded"]
    assert done.failure is None


async def test_no_room_for_the_folder_of_an_attempt_used_it_up(shop: Shop) -> None:
    """The first thing that a full disk refuses."""
    builder = shop.builder(room=Disk(600), pause=Pause())

    @contextmanager
    def workspace(_name: str) -> Iterator[Workspace]:
        raise OSError(28, "No space left on device")
        yield

    builder._execution._workspace = workspace
    await shop.bench.queue.request(make_request())
    async with shop.at_work(builder):
        record = await until_record(shop, lambda record: record.not_before)
        await shown(shop, "one", BuilderState.QUARANTINED)
    assert (record.state, record.tries_left, record.attempt.ended_as) == (BuildState.QUEUED, MAX_ATTEMPTS, "released")


async def test_many_builds_that_run_out_of_space_broke_the_machine(shop: Shop) -> None:
    """They are no failures of the machine in a row: its test would pass, and say nothing about its disk."""
    pause, machine = Pause(), Machine()
    shop.compiler.failures = [FULL] * 6
    for number in range(6):
        await shop.bench.queue.request(make_request(version=f"1.0.{number}"))
    async with shop.at_work(shop.builder(workers=6, room=Disk(600), pause=pause, self_test=machine)):
        await until(lambda: not shop.compiler.failures)
        presence = await shown(shop, "one", BuilderState.QUARANTINED)
    assert presence.reason.startswith("no space: ")
    assert machine.asked == 1


async def test_another_builder_takes_what_ran_out_of_space(shop: Shop) -> None:
    """The first one pauses, so it does not get the build again."""
    poor = ScriptedCompiler()
    poor.failures = [FULL]
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder("poor", compiler=poor, room=Disk(600), pause=Pause())):
        await until_record(shop, lambda record: record.not_before)
        async with shop.at_work(shop.builder("rich", room=Disk(600), pause=Pause())):
            await shown(shop, "rich", BuilderState.WORKING)
            shop.bench.clock.forward(60)
            await shop.bench.queue.request(make_request(name="wakes-the-builders"))
            done = await shop.until(ID, BuildState.SUCCEEDED)
    assert [attempt.builder for attempt in done.attempts] == ["poor.1", "rich.1"]


async def test_each_attempt_that_runs_out_of_space_makes_the_pause_longer() -> None:
    """A build that needs more than there is does not keep its builder busy; a build that succeeds ends that."""
    pause = Pause()
    room = Room("one.1", Disk(600), pause, lambda: None)
    watching = asyncio.create_task(room.run())
    await until(lambda: pause.asked)
    waits: list[int] = []

    async def ran_out() -> int:
        """Run out of space once; how many looks pass until a build may be claimed again."""
        await room.note(GivenBack(FULL))
        before = len(pause.asked)
        while room.reason:
            waits.append(len(pause.asked) + 1)
            await pause.over()
            await until(lambda: len(pause.asked) == waits[-1])
        return len(pause.asked) - before

    assert [await ran_out() for _ in range(6)] == [2, 4, 8, 16, 20, 20]
    await room.note(Built(Artifact("a" * 64, 1, "tiny"), StoredLog("b" * 64, 1)))
    assert await ran_out() == 2
    watching.cancel()


async def test_a_broker_that_takes_no_step_used_up_an_attempt(shop: Shop) -> None:
    """A store that is full, or away, says nothing about the build: it is given back, and its builder takes others."""
    engine = TightEngine(shop.compiler, shop.bench.objects)
    engine.error = Unreachable("insufficient storage resources available")
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder(engine=engine, room=Disk(600), pause=Pause())):
        record = await until_record(shop, lambda record: record.not_before)
        assert (record.state, record.tries_left) == (BuildState.QUEUED, MAX_ATTEMPTS)
        assert (await shown(shop, "one", BuilderState.WORKING)).reason == ""
        shop.bench.clock.forward(60)
        await shop.bench.queue.request(make_request(name="wakes-the-builder"))
        done = await shop.until(ID, BuildState.SUCCEEDED)
    assert [attempt.ended_as for attempt in done.attempts] == ["released", "succeeded"]


@pytest.mark.parametrize("error", [Unreachable("the store is full"), InternalError("the service failed")])
async def test_a_claim_that_failed_was_never_asked_for_again(shop: Shop, error: Exception) -> None:
    """A store that was full for a while reports no change afterwards, and a record that is broken ends no builder."""
    claim, left = shop.bench.desk.claim, [error] * 2

    async def failing(asked: AttemptClaim) -> AttemptAnswer:
        if left:
            raise left.pop()
        return await claim(asked)

    shop.bench.desk.claim = failing  # type: ignore[method-assign]
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder()):
        while (await shop.bench.entry()).value.state is not BuildState.SUCCEEDED:
            shop.bench.clock.forward(1)
            await asyncio.sleep(0.005)
    assert not left
