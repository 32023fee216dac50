"""Leases are judged by the sweeper's own clock, and only over time in which it could see."""

from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.factories import SPEC, make_request
from tests.unit.services.test_queue import Bench
from wombat_gitops.domain.errors import CorruptData, Unreachable
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.records import MAX_ATTEMPTS, BuildRecord, BuildState
from wombat_gitops.ports import Versioned
from wombat_gitops.services.claims import Claim, claim
from wombat_gitops.services.sweeper import Sweeper

ID = build_id(SPEC)


class Watch:
    """A sweeper over memory with a clock that moves when told."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder)
        self.running: list[BuildRecord] = []
        self.sweeper = Sweeper(
            self.bench.records,
            self.bench.leases,
            lambda: self.running,
            self.bench.clock,
            self.bench.clock.monotonic,
            lease_seconds=15,
        )

    async def start(self) -> Claim:
        await self.bench.queue.request(make_request())
        taken = await self.bench.claim()
        self.running = [taken.record]
        return taken

    async def sweep_for(self, seconds: int) -> int:
        """Sweep once a second, as the role does."""
        taken = 0
        for _ in range(seconds):
            self.bench.clock.forward(1)
            taken += await self.sweeper.sweep()
        return taken

    async def state(self) -> BuildState:
        return (await self.bench.entry()).value.state


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path)


async def test_silent_builder_loses_its_build(watch: Watch) -> None:
    """A lease that does not change for a whole lease time gives the build back."""
    await watch.start()
    assert await watch.sweep_for(15) == 0
    assert await watch.sweep_for(2) == 1
    record = (await watch.bench.entry()).value
    assert record.state is BuildState.QUEUED
    assert record.attempt.ended_as == "lost"


async def test_living_builder_keeps_it(watch: Watch) -> None:
    """Any change of the lease counts, for as long as it comes."""
    taken = await watch.start()
    for _ in range(20):
        await taken.renew()
        assert await watch.sweep_for(5) == 0
    assert await watch.state() is BuildState.RUNNING


async def test_outage_is_not_held_against_a_builder(watch: Watch) -> None:
    """After a time in which the sweeper could not look, it counts anew."""
    taken = await watch.start()
    assert await watch.sweep_for(10) == 0
    watch.bench.clock.forward(600)
    assert await watch.sweeper.sweep() == 0
    assert await watch.sweep_for(10) == 0
    await taken.renew()
    assert await watch.sweep_for(14) == 0


async def test_clock_of_the_wall_does_not_matter(watch: Watch) -> None:
    """A jump of the wall clock takes no build away."""
    taken = await watch.start()
    await watch.sweep_for(3)
    watch.bench.clock.now = watch.bench.clock.now.replace(year=2036)
    await taken.renew()
    assert await watch.sweep_for(14) == 0


async def test_poison_ends_as_failed(watch: Watch) -> None:
    """A build that loses every builder fails when its attempts are spent."""
    await watch.start()
    for attempt in range(MAX_ATTEMPTS):
        if attempt:
            taken = await watch.bench.claim(f"mark{attempt}")
            watch.running = [taken.record]
        await watch.sweep_for(18)
    record = (await watch.bench.entry()).value
    assert record.state is BuildState.FAILED
    assert record.failure is not None
    assert record.failure.reason == "KillsItsBuilder"
    assert "`builder.1`, `builder.1`, `builder.1`" in record.failure.message


async def test_cancelled_build_without_builder_ends(watch: Watch) -> None:
    """A cancel reaches its end also when the builder is gone."""
    await watch.start()
    await watch.bench.queue.cancel(ID)
    await watch.sweep_for(18)
    assert await watch.state() is BuildState.CANCELLED


async def test_old_news_take_nothing(watch: Watch) -> None:
    """A build that ended while the sweeper looked at an old list is left alone."""
    taken = await watch.start()
    await watch.sweep_for(14)
    await taken.give_back(None)
    await watch.bench.claim("second")
    assert await watch.sweep_for(10) == 0
    assert await watch.state() is BuildState.RUNNING


async def test_unreachable_store_is_told(watch: Watch) -> None:
    """A sweep that cannot read judges nobody."""

    class Away:
        async def get(self, _key: str) -> None:
            raise Unreachable("the broker does not answer")

    await watch.start()
    blind = Sweeper(
        watch.bench.records,
        Away(),  # type: ignore[arg-type]
        lambda: watch.running,
        watch.bench.clock,
        watch.bench.clock.monotonic,
    )
    with pytest.raises(Unreachable):
        await blind.sweep()
    assert await watch.state() is BuildState.RUNNING


async def test_a_store_that_was_full_took_builds_from_builders_that_live(watch: Watch) -> None:
    """It can be read, and refuses leases: a builder that renews its own once there is room keeps its build."""
    taken = await watch.start()
    replace, tries = watch.bench.records.replace, 0

    async def full(current: Versioned[BuildRecord], value: BuildRecord) -> Versioned[BuildRecord] | None:
        nonlocal tries
        tries += 1
        watch.bench.clock.forward(20)  # asked again and again, all the time
        if tries < 3:
            msg = "maximum bytes exceeded"
            raise Unreachable(msg)
        watch.bench.records.replace = replace  # type: ignore[method-assign]
        return await replace(current, value)

    watch.bench.records.replace = full  # type: ignore[method-assign]
    while tries < 3:
        with suppress(Unreachable):
            assert await watch.sweep_for(1) == 0
    assert await watch.sweep_for(5) == 0
    await taken.renew()
    assert await watch.sweep_for(14) == 0
    assert await watch.state() is BuildState.RUNNING
    assert await watch.sweep_for(5) == 1, "it is still taken once it is silent"


async def test_a_write_that_waited_for_room_took_the_build_beside_it(watch: Watch) -> None:
    """What was seen before a long wait says nothing about what happened meanwhile."""
    first = await watch.start()
    await watch.sweep_for(8)  # its record was written as it is
    other = make_request(version="1.0.1")
    await watch.bench.queue.request(other)
    second = await claim(watch.bench.desk, watch.bench.leases, build_id(other.spec), "builder.2", "mark-2")
    assert second is not None
    watch.running = [second.record, first.record]
    await watch.sweep_for(7)
    replace = watch.bench.records.replace

    async def slow(current: Versioned[BuildRecord], value: BuildRecord) -> Versioned[BuildRecord] | None:
        watch.bench.clock.forward(20)
        return await replace(current, value)

    watch.bench.records.replace = slow  # type: ignore[method-assign]
    assert await watch.sweep_for(1) == 0
    assert await watch.state() is BuildState.RUNNING


async def test_an_unreadable_record_ended_the_sweeper(watch: Watch) -> None:
    """It is passed over, and the builds beside it are judged."""
    await watch.start()
    other = make_request(version="1.0.1")
    await watch.bench.queue.request(other)
    second = await claim(watch.bench.desk, watch.bench.leases, build_id(other.spec), "builder.2", "mark-2")
    assert second is not None
    watch.running.append(second.record)
    get = watch.bench.records.get

    async def broken(key: str) -> Versioned[BuildRecord] | None:
        if key == ID:
            msg = "not a BuildRecord"
            raise CorruptData(msg)
        return await get(key)

    watch.bench.records.get = broken  # type: ignore[method-assign]
    assert await watch.sweep_for(18) == 1
