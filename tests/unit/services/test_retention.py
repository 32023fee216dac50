"""Passes over memory and a folder: what goes, when, and what a pass never does. Clocks are moved, not waited for."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.factories import GO_MOD, GO_SUM, NOW, ManualClock, make_spec
from tests.support.fakes import NoIndex
from wombat_gitops.adapters.files import FileObjects
from wombat_gitops.adapters.keeping import FileKeeper
from wombat_gitops.adapters.memory import MemoryStore
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.catalogue import DistributionRecord, Target
from wombat_gitops.domain.errors import Unreachable
from wombat_gitops.domain.identity import build_id, digest
from wombat_gitops.domain.messages import BuildRequest
from wombat_gitops.domain.model import Artifact, Lock
from wombat_gitops.domain.records import BuildRecord, Origin, StoredLog
from wombat_gitops.domain.references import named_objects
from wombat_gitops.domain.retention import CollectRequest, KeeperNote, Rules
from wombat_gitops.services import stored
from wombat_gitops.services.queue import BuildQueue, Inputs
from wombat_gitops.services.retention import Collector, Stores

if TYPE_CHECKING:
    from pathlib import Path

    from wombat_gitops.ports import Holdings

HOUR = 3600.0
GRACE = 24 * HOUR
NOW_ = CollectRequest()
DRY = CollectRequest(dry_run=True)
CONFIRMED = CollectRequest(confirm=True)


class Stage:
    """Everything that a collector works on, and collectors over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.records = MemoryStore[BuildRecord]()
        self.distributions = MemoryStore[DistributionRecord]()
        self.texts = MemoryStore[str]()
        self.notes = MemoryStore[KeeperNote]()
        self.inputs = Inputs(self.texts, self.clock.monotonic)
        self.objects = FileObjects(folder / "objects")
        self.keeper = FileKeeper(folder / "objects")
        self.queue = BuildQueue(self.records, self.inputs, self.objects, NoIndex(), self.clock)

    def collector(self, *, interval: float = HOUR, **rules: float) -> Collector:
        stores = Stores(self.records, self.distributions, self.texts, self.keeper, self.notes)
        return Collector(
            self.queue,
            stores,
            Rules(**rules),  # type: ignore[arg-type]
            self.clock,
            self.clock.monotonic,
            grace=GRACE,
            interval=interval,
        )

    async def put(self, text: str) -> str:
        """Store an object that was stored at the clock's time; the file's own time counts for the store."""
        path = self.folder / "in"
        path.write_text(text)
        sha256 = digest(text)
        await self.objects.put(path, sha256, len(text))
        stamp = self.clock.now.timestamp()
        os.utime(self.folder / "objects" / sha256, (stamp, stamp))
        return sha256

    async def build(self, version: str, text: str = "", *, source: str = "", told: bool = False) -> BuildRecord:
        """A finished build with artifact, log, contents and inputs of its own; *told* what its program says too."""
        lock = Lock(GO_MOD + f"// {version}\n", GO_SUM)
        await self.inputs.save(lock)
        spec = make_spec(version=version, go_mod=digest(lock.go_mod))
        record = lifecycle.queued(build_id(spec), spec, Origin(source), 0, self.clock.now)
        record = lifecycle.claimed(record, "builder.1", "claim", self.clock.now)
        text = text or f"artifact {version}"
        artifact = Artifact(await self.put(text), len(text), spec.file_name)
        log = StoredLog(await self.put(f"log {version}"), 9)
        contents = StoredLog(await self.put(f"contents {version}"), 9)
        reference = StoredLog(await self.put(f"reference {version}"), 9) if told else None
        record = lifecycle.succeeded(record, artifact, log, self.clock.now, contents, reference)
        assert await self.records.create(record.id, record) is not None
        self.clock.forward(1)
        return record

    async def declare(self, *builds: BuildRecord) -> None:
        targets = tuple(Target(build.spec.platform, build.id) for build in builds)
        record = DistributionRecord("tiny", "9.0.0", "main", "p", "r", NOW, (), (), "1.26.6", targets)
        await self.distributions.put("tiny", record)

    def stored(self) -> set[str]:
        return {path.name for path in (self.folder / "objects").glob("*")}

    async def hours(self, collector: Collector, count: int) -> None:
        """Let time pass, with a pass in every hour."""
        for _ in range(count):
            self.clock.forward(HOUR)
            await collector.turn()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def artifacts(*builds: BuildRecord) -> set[str]:
    return {build.artifact.sha256 for build in builds if build.artifact is not None}


async def test_a_retired_build_goes_at_once_and_what_it_named_after_the_grace(stage: Stage) -> None:
    old, new = await stage.build("1.0.0", told=True), await stage.build("2.0.0", told=True)
    await stage.declare(new)
    collector = stage.collector(versions=1, share=0.5)

    answer = await collector.collect(NOW_)

    assert (answer.done, [each.build for each in answer.retired], answer.refused) == (True, [old.id], "")
    assert (answer.freed, answer.waiting) == (len("artifact 1.0.0"), 5)  # artifact, log, contents, reference, go.mod
    assert await stage.records.keys() == [new.id]
    assert len(stage.stored()) == 8
    await stage.hours(collector, 23)
    assert len(stage.stored()) == 8
    await stage.hours(collector, 1)
    assert stage.stored() == {named.sha256 for named in named_objects(new)}
    assert len(stage.stored()) == 4
    assert set(await stage.texts.keys()) == {new.spec.go_mod, new.spec.go_sum}


async def test_a_dry_run_tells_and_does_nothing(stage: Stage) -> None:
    for number in range(5):
        await stage.build(f"1.{number}.0")
    before = stage.stored()

    answer = await stage.collector(versions=1).collect(DRY)

    assert (answer.dry_run, answer.done, answer.retired_total) == (True, False, 4)
    assert answer.refused == "4 of 5 artifacts would go, more than 30%"
    assert len(await stage.records.keys()) == 5
    assert stage.stored() == before
    assert await stage.notes.keys() == []


async def test_more_than_the_share_goes_only_when_confirmed_and_its_objects_need_no_second_word(stage: Stage) -> None:
    for number in range(5):
        await stage.build(f"1.{number}.0")
    collector = stage.collector(versions=1)

    refused = await collector.collect(NOW_)
    assert (refused.refused, refused.retired_total) == ("4 of 5 artifacts would go, more than 30%", 0)
    assert len(await stage.records.keys()) == 5

    confirmed = await collector.collect(CONFIRMED)
    assert (confirmed.refused, confirmed.retired_total) == ("", 4)
    await stage.hours(collector, 24)
    assert len(stage.stored()) == 3


async def test_lost_records_cost_no_object_without_a_word_of_a_person(stage: Stage) -> None:
    """A bucket of records that was emptied, or restored from an old backup, must not empty the object store."""
    for number in range(5):
        await stage.build(f"1.{number}.0")
    collector = stage.collector()
    for key in await stage.records.keys():
        await stage.records.remove(key)
    await stage.hours(collector, 30)

    assert len(stage.stored()) == 15
    answer = await collector.collect(DRY)
    assert answer.refused == "all 15 objects that no record names would go"
    assert (await collector.collect(CONFIRMED)).swept_total == 15 + 6
    assert stage.stored() == set()


async def test_a_record_that_cannot_be_read_holds_the_sweep(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.build("1.0.0")
    await stage.put("nobody names me")
    collector = stage.collector()
    await stage.hours(collector, 23)
    load: Any = stored.load

    async def with_one_broken(store: object) -> object:
        found = await load(store)
        return {**found, "broken": None} if store is stage.records else found

    monkeypatch.setattr(stored, "load", with_one_broken)
    await stage.hours(collector, 5)
    assert digest("nobody names me") in stage.stored()
    assert (await collector.collect(DRY)).held == "1 build records cannot be read: what they name is not known"
    monkeypatch.undo()
    await stage.hours(collector, 1)
    assert digest("nobody names me") not in stage.stored()


async def test_a_jump_of_the_wall_clock_sweeps_nothing(stage: Stage) -> None:
    await stage.build("1.0.0")
    await stage.put("nobody names me")
    collector = stage.collector()
    await stage.hours(collector, 2)
    stage.clock.now = NOW.replace(year=2036)
    await stage.hours(collector, 5)
    assert digest("nobody names me") in stage.stored()
    stage.clock.now = NOW.replace(year=2020)
    await stage.hours(collector, 40)
    assert digest("nobody names me") in stage.stored()


async def test_an_outage_counts_for_two_intervals(stage: Stage) -> None:
    """Builders that sat an outage out write their results after it; nothing of theirs may be gone by then."""
    await stage.build("1.0.0")
    await stage.put("nobody names me yet")
    collector = stage.collector()
    await stage.hours(collector, 2)
    stage.clock.forward(100 * HOUR)
    await collector.turn()
    assert digest("nobody names me yet") in stage.stored()


async def test_a_restart_goes_on_from_the_note(stage: Stage) -> None:
    await stage.build("1.0.0")
    await stage.put("nobody names me")
    await stage.hours(stage.collector(), 20)
    second = stage.collector()
    await stage.hours(second, 2)  # it looks, finds that somebody has written, and takes over an interval later
    assert digest("nobody names me") in stage.stored()
    await stage.hours(second, 6)
    assert digest("nobody names me") not in stage.stored()


async def test_of_two_instances_one_works_and_the_other_takes_over(stage: Stage) -> None:
    await stage.build("1.0.0")
    await stage.put("nobody names me")
    first, second = stage.collector(), stage.collector()
    for _ in range(20):
        stage.clock.forward(HOUR / 2)
        assert await first.turn() is not None
        stage.clock.forward(HOUR / 2)
        assert await second.turn() is None
    entry = await stage.notes.get("keeper.note")
    assert entry is not None
    assert max(each.seconds for each in entry.value.seen.values()) == 19 * HOUR  # and not twice as much
    stage.clock.forward(HOUR)
    assert await second.turn() is not None


async def test_what_is_stored_again_has_its_grace_again(stage: Stage) -> None:
    await stage.build("1.0.0")
    await stage.put("wanted again")
    collector = stage.collector()
    await stage.hours(collector, 24)
    await stage.put("wanted again")
    await stage.hours(collector, 20)
    assert digest("wanted again") in stage.stored()


async def test_inputs_of_a_request_that_is_under_way_stay(stage: Stage) -> None:
    """Between the inputs and the record that names them, a pass finds inputs that nothing has named for long."""
    await stage.build("1.0.0")
    lock = Lock(GO_MOD + "// new\n", GO_SUM)
    await stage.inputs.save(lock)
    collector = stage.collector()
    await stage.hours(collector, 24)
    stage.clock.forward(HOUR)
    survey = await collector._survey(NOW_, await stage.notes.get("keeper.note"))
    assert [each.name for each in survey.due] == [digest(lock.go_mod)]
    await stage.inputs.save(lock)
    await collector._sweep(survey.due)
    assert digest(lock.go_mod) in await stage.texts.keys()
    await stage.hours(collector, 25)
    assert digest(lock.go_mod) not in await stage.texts.keys()


async def test_a_build_that_is_retried_at_that_moment_stays(stage: Stage) -> None:
    old, new = await stage.build("1.0.0"), await stage.build("2.0.0")
    await stage.declare(new)
    collector = stage.collector(versions=1, share=0.5)
    survey = await collector._survey(NOW_, None)
    await stage.queue.retry(old.id)
    assert await collector._retire(survey) == 0
    assert {*await stage.records.keys()} == {old.id, new.id}


async def test_a_build_that_was_retired_can_be_asked_for_again(stage: Stage) -> None:
    """A record that is gone is no miss: whoever asks for it makes a new one."""
    old, new = await stage.build("1.0.0"), await stage.build("2.0.0")
    await stage.declare(new)
    collector = stage.collector(versions=1, share=0.5)
    await collector.collect(NOW_)
    answer = await stage.queue.request(BuildRequest(old.spec, GO_MOD + "// 1.0.0\n", GO_SUM))
    assert answer.created
    await stage.hours(collector, 48)
    assert await stage.inputs.load(old.spec) == Lock(GO_MOD + "// 1.0.0\n", GO_SUM)


async def test_broken_off_uploads_go_after_the_grace_and_growing_ones_stay(stage: Stage) -> None:
    await stage.build("1.0.0")
    dead, live = stage.folder / "objects" / ".part-dead", stage.folder / "objects" / ".part-live"
    dead.write_bytes(b"half")
    collector = stage.collector()
    for number in range(1, 30):
        live.write_bytes(b"x" * number)
        await stage.hours(collector, 1)
    assert (dead.exists(), live.exists()) == (False, True)


async def test_a_pass_that_fails_is_told_and_done_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.build("1.0.0")
    collector = stage.collector()

    async def away() -> Holdings:
        raise Unreachable("the broker is away")

    with monkeypatch.context() as patched:
        patched.setattr(stage.keeper, "holdings", away)
        assert await collector.turn() is None
        with pytest.raises(Unreachable):
            await collector.collect(NOW_)
    assert await collector.turn() is not None


async def test_it_works_by_itself_until_it_is_stopped(stage: Stage) -> None:
    old, new = await stage.build("1.0.0"), await stage.build("2.0.0")
    await stage.declare(new)
    collector = stage.collector(interval=0.001, versions=1, share=0.5)
    stop = asyncio.Event()
    running = asyncio.create_task(collector.run(stop))
    async with asyncio.timeout(60):
        while old.id in await stage.records.keys():
            await asyncio.sleep(0.005)
        stop.set()
        await running


async def test_a_quota_that_cannot_be_met_is_told(stage: Stage) -> None:
    old, new = await stage.build("1.0.0", "x" * 100), await stage.build("2.0.0", "y" * 100)
    await stage.declare(new)
    answer = await stage.collector(quota=50, share=0.5).collect(NOW_)
    assert [each.build for each in answer.retired] == [old.id]
    assert answer.excess == 50


async def test_many_rounds_of_one_build_leave_one_record_and_little_behind(stage: Stage) -> None:
    """Records are bounded, and what they forget goes: the logs of old attempts."""
    made = await stage.build("1.0.0")
    collector = stage.collector()
    artifact = made.artifact
    assert artifact is not None
    for number in range(300):
        entry = await stage.records.get(made.id)
        assert entry is not None
        again = lifecycle.claimed(lifecycle.retried(entry.value, stage.clock.now), "b.1", f"claim {number}", NOW)
        made = lifecycle.succeeded(again, artifact, StoredLog(await stage.put(f"log {number}"), 1), stage.clock.now)
        assert await stage.records.replace(entry, made) is not None
        if number % 5 == 0:
            await stage.hours(collector, 1)
    assert await stage.records.keys() == [made.id]
    assert len(made.attempts) == lifecycle.KEPT_ATTEMPTS
    # the artifact, the logs of the attempts that are remembered, and those that wait out one grace
    assert len(stage.stored()) <= 1 + lifecycle.KEPT_ATTEMPTS + 26 * 5
