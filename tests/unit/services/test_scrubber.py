"""The scrubber over a folder: what it finds, what it does about it, and in which order it reads."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.factories import GO_MOD, GO_SUM, NOW, ManualClock, make_spec
from tests.support.fakes import NoIndex
from wombat_gitops.adapters.files import FileObjects
from wombat_gitops.adapters.keeping import FileKeeper
from wombat_gitops.adapters.memory import MemoryStore
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.catalogue import DistributionRecord, Health, Sync, Target, assess
from wombat_gitops.domain.identity import build_id, digest
from wombat_gitops.domain.model import Artifact, Lock, Withdrawal
from wombat_gitops.domain.records import BuildRecord, BuildState, Origin
from wombat_gitops.services.downloads import Downloads
from wombat_gitops.services.queue import BuildQueue, Inputs
from wombat_gitops.services.scrubber import Pace, Scrubber, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Stage:
    """Builds with artifacts in a folder, known to a scrubber whose sleep moves the clock."""

    def __init__(self, folder: Path, pace: Pace | None = None) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.records = MemoryStore[BuildRecord]()
        self.objects = FileObjects(folder / "objects")
        self.queue = BuildQueue(self.records, Inputs(MemoryStore[str]()), self.objects, NoIndex(), self.clock)
        self.distributions: dict[str, DistributionRecord] = {}
        self.keeper = FileKeeper(folder / "objects")
        self.slept: list[float] = []
        self.scrubber = Scrubber(self.queue, self, self.keeper, self.clock.monotonic, pace=pace, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.forward(seconds)
        await asyncio.sleep(0)

    def known_builds(self) -> Mapping[str, BuildRecord]:
        return {key: entry.value for key, entry in self.records._entries.items()}

    def known_distributions(self) -> Mapping[str, DistributionRecord]:
        return self.distributions

    async def build(self, version: str, text: str = "") -> BuildRecord:
        text = text or f"artifact {version}"
        await self.queue._inputs.save(Lock(GO_MOD, GO_SUM))
        spec = make_spec(version=version)
        record = lifecycle.claimed(lifecycle.queued(build_id(spec), spec, Origin(), 0, NOW), "b.1", "claim", NOW)
        (self.folder / "in").write_text(text)
        await self.objects.put(self.folder / "in", digest(text), len(text))
        record = lifecycle.succeeded(record, Artifact(digest(text), len(text), spec.file_name), None, NOW)
        assert await self.records.create(record.id, record) is not None
        return record

    def declare(self, *builds: BuildRecord, **more: object) -> DistributionRecord:
        targets = tuple(Target(build.spec.platform, build.id) for build in builds)
        version = builds[0].spec.version if builds else "1.0.0"
        record = DistributionRecord("tiny", version, "main", "p", "r", NOW, (), (), "1.26.6", targets)
        self.distributions["tiny"] = replace(record, **more)  # type: ignore[arg-type]
        return self.distributions["tiny"]

    async def now(self, build: BuildRecord) -> BuildRecord:
        entry = await self.records.get(build.id)
        assert entry is not None
        return entry.value

    def path(self, build: BuildRecord) -> Path:
        return self.folder / "objects" / sha(build)


def sha(build: BuildRecord) -> str:
    assert build.artifact is not None
    return build.artifact.sha256


def hurt(path: Path, damage: str) -> None:
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"flipped": bytes([data[0] ^ 1]) + data[1:], "cut": data[:-1], "longer": data + b"x"}[damage])


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_a_good_artifact_changes_nothing(stage: Stage) -> None:
    build = await stage.build("1.0.0")
    revision = stage.records._revision
    assert await stage.scrubber.check(sha(build)) is Verdict.GOOD
    assert stage.records._revision == revision
    assert stage.scrubber.counts["checked"] == 1


@pytest.mark.parametrize(
    ("damage", "verdict"),
    [("gone", Verdict.MISSING), ("flipped", Verdict.CORRUPT), ("cut", Verdict.CORRUPT), ("longer", Verdict.CORRUPT)],
)
async def test_a_lost_artifact_that_a_manifest_asks_for_is_built_again_once(
    stage: Stage, damage: str, verdict: Verdict
) -> None:
    build = await stage.build("1.0.0")
    declared = stage.declare(build)
    hurt(stage.path(build), damage)

    assert await stage.scrubber.check(sha(build)) is verdict

    after = await stage.now(build)
    assert (after.state, after.artifact, after.lost, after.round) == (BuildState.QUEUED, None, str(verdict), 2)
    assert not stage.path(build).exists()
    status = assess(declared, {after.id: after})
    assert (status.sync, status.health) == (Sync.OUT_OF_SYNC, Health.MISSING)
    assert await stage.scrubber.check(sha(build)) is Verdict.MISSING
    assert (await stage.now(build)).round == 2

    text = "artifact 1.0.0"
    (stage.folder / "in").write_text(text)
    await stage.objects.put(stage.folder / "in", digest(text), len(text))
    again = lifecycle.succeeded(
        lifecycle.claimed(after, "b.1", "claim", NOW), build.artifact or pytest.fail("no artifact"), None, NOW
    )
    assert again.lost == ""
    assert assess(declared, {again.id: again}).health is Health.HEALTHY


@pytest.mark.parametrize(
    "more", [{"suspended": True}, {"retired": True}, {"withdrawn": Withdrawal("leaks")}, {"targets": ()}]
)
async def test_a_lost_artifact_that_nobody_is_to_get_is_noted_and_not_built(
    stage: Stage, more: dict[str, object]
) -> None:
    build = await stage.build("1.0.0")
    stage.declare(build, **more)
    stage.path(build).unlink()

    await stage.scrubber.check(sha(build))

    after = await stage.now(build)
    assert (after.state, after.lost) == (BuildState.SUCCEEDED, "Missing")
    (stage.folder / "in").write_text("artifact 1.0.0")
    await stage.objects.put(stage.folder / "in", sha(build), len("artifact 1.0.0"))
    assert await stage.scrubber.check(sha(build)) is Verdict.GOOD
    assert (await stage.now(build)).lost == ""


async def test_one_bad_look_is_no_proof(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica that lags, or a store that is just being mended, must cost nothing."""
    build = await stage.build("1.0.0")
    stage.declare(build)
    answers = [False, True]

    async def verify(*_: object) -> bool:
        return answers.pop(0)

    monkeypatch.setattr(stage.keeper, "verify", verify)
    assert await stage.scrubber.check(sha(build)) is Verdict.GOOD
    assert stage.path(build).exists()
    assert (await stage.now(build)).state is BuildState.SUCCEEDED


async def test_every_build_of_the_same_bytes_is_told(stage: Stage) -> None:
    builds = [await stage.build(version, "same") for version in ("1.0.0", "1.1.0")]
    stage.declare(builds[1])
    stage.path(builds[0]).unlink()
    await stage.scrubber.check(sha(builds[0]))
    assert [(await stage.now(build)).state for build in builds] == [BuildState.SUCCEEDED, BuildState.QUEUED]
    assert [(await stage.now(build)).lost for build in builds] == ["Missing", "Missing"]


async def test_what_was_not_checked_for_longest_comes_first_and_none_too_often(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Pace(rate=1 << 20, every=100))
    builds = [await stage.build(f"1.{number}.0") for number in range(4)]
    seen = []
    for _ in range(4):
        found = stage.scrubber.next()
        assert found is not None
        seen.append(found)
        await stage.scrubber.check(found)
        stage.clock.forward(1)
    assert set(seen) == set(map(sha, builds))
    assert stage.scrubber.next() is None
    stage.clock.forward(97)
    assert stage.scrubber.next() == seen[0]


async def test_reading_is_paced_and_suspects_are_not(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Pace(rate=1000))
    build = await stage.build("1.0.0", "x" * 5000)
    await stage.scrubber.check(sha(build))
    assert sum(stage.slept) == pytest.approx(5.0)
    stage.slept.clear()
    stage.clock.forward(3600)
    stage.scrubber.suspect(sha(build))
    assert stage.scrubber.next() == sha(build)
    await stage.scrubber.check(sha(build))
    assert stage.slept == []
    stage.scrubber.suspect(sha(build))  # again at once
    assert stage.scrubber.next() is None


async def test_without_a_rate_only_suspects_are_read(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Pace(rate=0))
    build = await stage.build("1.0.0")
    assert stage.scrubber.next() is None
    stage.scrubber.suspect("0" * 64)
    stage.scrubber.suspect(sha(build))
    assert stage.scrubber.next() == sha(build)
    assert await stage.scrubber.check(sha(build)) is Verdict.GOOD


async def test_a_download_that_fails_is_a_hint(stage: Stage) -> None:
    build = await stage.build("1.0.0")
    stage.declare(build)
    stage.path(build).write_bytes(b"other bytes...")
    told = asyncio.Event()

    async def suspect(sha256: str) -> None:
        stage.scrubber.suspect(sha256)
        told.set()

    downloads = Downloads(stage.objects, stage.folder / "downloads", suspect=suspect)
    with pytest.raises(Exception, match="digest"):
        async with downloads.hold(sha(build), 14):
            pass
    stop = asyncio.Event()
    running = asyncio.create_task(stage.scrubber.run(stop))  # only now: it might have been first to find it
    async with asyncio.timeout(60):
        while (await stage.now(build)).state is not BuildState.QUEUED:
            await asyncio.sleep(0)
        stop.set()
        await running
    assert told.is_set()
    assert stage.scrubber.counts["corrupt"] == 1
