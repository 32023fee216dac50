"""Passes over a scripted source, with stores and builds in memory."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.buildclient import MemoryBuilds
from tests.support.factories import GO_MOD, GO_SUM, NOW, SPEC, ManualClock
from wombat_gitops.adapters.memory import MemoryStore
from wombat_gitops.domain.catalogue import DistributionRecord, SourceRecord
from wombat_gitops.domain.declaration import Declaration, Declared, desired_builds
from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.errors import (
    CorruptData,
    HistoryCut,
    NotFound,
    Refused,
    TimedOut,
    Unreachable,
    UnusableSource,
    Unverified,
    WombatError,
)
from wombat_gitops.domain.messages import decode, encode
from wombat_gitops.domain.model import Distribution, Lock, Module, Policy, Selection
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import BuildState
from wombat_gitops.services.observed import unusable
from wombat_gitops.services.pacing import Timing
from wombat_gitops.services.reconciler import Reconciler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from wombat_gitops.ports import Tree

LINUX, MAC = Platform.parse("linux/amd64"), Platform.parse("darwin/arm64")


def declare(name: str, version: str = "1.0.0", *, suspend: bool = False, path: str = "") -> Declared:
    distribution = Distribution(
        name=name,
        version=version,
        modules=(Module("github.com/redpanda-data/benthos/v4", "v4.76.0"),),
        packages=SPEC.packages,
        platforms=(LINUX, MAC),
        toolchain="1.26.6",
        path=path or f"manifests/{name}.yaml",
        suspend=suspend,
    )
    lock = Lock(GO_MOD, GO_SUM)
    return Declared(distribution, lock, SPEC.date, f"name: {name}\n", desired_builds(distribution, lock, SPEC.date), ())


def broken(item: Declared) -> Declared:
    problem = Diagnostic(item.distribution.path, 3, 1, "WOM-012", "no such package `x`")
    return replace(item, diagnostics=(problem,), builds=(), lock=None)


@dataclass
class Scripted:
    """A source and its reader: what is declared now."""

    id: str = "source-1"
    url: str = "file:///repo"
    ref: str = "main"
    folder: str = "manifests"
    declared: tuple[Declared, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    commit: str = "a" * 40
    retired: frozenset[str] = frozenset()
    error: WombatError | None = None
    reads: int = 0
    waits: list[float] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def revision(self) -> str:
        if self.error is not None:
            raise self.error
        return self.commit

    async def read_all(self) -> Declaration:
        self.reads += 1
        problems = {*self.problems, *(problem for item in self.declared for problem in item.diagnostics)}
        count = len(self.declared) + len(self.problems)
        return Declaration(self.commit, self.declared, tuple(sorted(problems)), count, retired=self.retired)

    async def tree(self, revision: str) -> Tree:
        raise NotImplementedError

    async def read(self, tree: Tree, paths: Sequence[str]) -> Mapping[str, bytes]:
        raise NotImplementedError

    async def dates(self, tree: Tree, groups: Mapping[str, Sequence[str]]) -> Mapping[str, datetime]:
        raise NotImplementedError

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[Callable[[float], Awaitable[None]]]:
        async def wait(seconds: float) -> None:
            self.waits.append(seconds)
            await self.moved.wait()
            self.moved.clear()

        yield wait

    def push(self, *declared: Declared, problems: tuple[Diagnostic, ...] = ()) -> None:
        self.commit = f"{int(self.commit, 16) + 1:040x}"
        self.declared, self.problems = declared, problems


@dataclass
class Reader:
    source: Scripted

    async def read(self, revision: str | None = None) -> Declaration:
        assert revision == self.source.commit
        return await self.source.read_all()


class World:
    """Everything a reconciler works with; `watch` makes a new one, as a restart does."""

    def __init__(self) -> None:
        self.source = Scripted()
        self.builds = MemoryBuilds()
        self.sources = MemoryStore[SourceRecord]()
        self.distributions = MemoryStore[DistributionRecord]()
        self.clock = ManualClock()

    def watch(self, source: Scripted | None = None, rivals: frozenset[str] | None = None) -> Reconciler:
        source = source or self.source
        return Reconciler(
            source,
            Reader(source),
            self.builds,
            self.sources,
            self.distributions,
            self.clock,
            random=lambda: 0.5,
            first=MAC,
            rivals=rivals,
            monotonic=self.clock.monotonic,
        )

    async def record(self, name: str) -> DistributionRecord:
        entry = await self.distributions.get(name)
        assert entry is not None
        return entry.value

    async def seen(self, source: str = "source-1") -> SourceRecord:
        entry = await self.sources.get(source)
        assert entry is not None
        return entry.value

    async def reasons(self) -> dict[str, str]:
        return {condition.type: condition.reason for condition in (await self.seen()).conditions}


@pytest.fixture
def world() -> World:
    return World()


async def test_every_platform_is_requested_once(world: World) -> None:
    """A first pass asks for all builds, the first platform's before the others, and says where they come from."""
    world.source.push(declare("a"), declare("b"))
    watcher = world.watch()
    outcome = await watcher.once()
    record = await world.record("a")

    assert outcome.error is None
    assert (outcome.requested, outcome.written) == (4, 3)
    assert [request.priority for request in world.builds.requests] == [10, 10, 0, 0]
    assert world.builds.requests[0].origin.path == "manifests/a.yaml"
    assert world.builds.requests[0].origin.revision == world.source.commit
    assert {target.build for target in record.targets} <= set(world.builds.records)
    assert (await world.seen()).revision == world.source.commit


async def test_nothing_new_costs_nothing(world: World) -> None:
    """The same revision is not read again; a commit that changes no manifest requests nothing."""
    world.source.push(declare("a"))
    watcher = world.watch()
    await watcher.once()
    same = await watcher.once()
    world.source.push(declare("a"))
    other = await watcher.once()
    restarted = await world.watch().once()

    assert (same.read, other.read, restarted.read) == (False, True, True)
    assert [(pass_.requested, pass_.written) for pass_ in (same, other, restarted)] == [(0, 0), (0, 1), (0, 0)]
    assert len(world.builds.requests) == 2


async def test_a_commit_that_changes_nothing_that_counts_was_told_to_be_unused(world: World) -> None:
    """The source says that it was read at that commit; the distribution stays as it was."""
    world.source.push(declare("a"))
    watcher = world.watch()
    first = await watcher.once()
    world.source.push(declare("a"))
    second = await watcher.once()
    seen = await world.seen()

    assert (seen.revision, seen.checked_at) == (second.revision, NOW)
    assert {condition.revision for condition in seen.conditions} == {second.revision}
    assert (await world.record("a")).revision == first.revision


async def test_a_vanished_build_is_requested_again(world: World) -> None:
    """A store that was emptied is filled again without any change in git."""
    world.source.push(declare("a"))
    watcher = world.watch()
    await watcher.once()
    world.builds.records.clear()
    await world.distributions.remove("a")
    world.clock.forward(61)
    outcome = await watcher.once()

    assert (outcome.requested, outcome.written) == (2, 2)
    assert len(world.builds.records) == 2


async def test_a_bad_manifest_keeps_its_last_good_declaration(world: World) -> None:
    """The others go on; the bad one keeps its targets and says what is wrong, until it is mended."""
    world.source.push(declare("a"), declare("b"))
    watcher = world.watch()
    await watcher.once()
    before = await world.record("a")
    world.source.push(broken(declare("a", "2.0.0")), declare("b", "2.0.0"))
    await watcher.once()
    bad = await world.record("a")
    again = await watcher.once()
    source = await world.seen()

    assert (bad.targets, bad.version, bad.retired) == (before.targets, "1.0.0", False)
    assert [condition.type for condition in bad.conditions] == ["InvalidManifest"]
    assert bad.conditions[0].message == "manifests/a.yaml:3:1: WOM-012 no such package `x`"
    assert (await world.record("b")).version == "2.0.0"
    assert (source.manifests, source.invalid) == (2, 1)
    assert [(each.path, each.line, each.rule) for each in source.problems] == [("manifests/a.yaml", 3, "WOM-012")]
    assert (await world.reasons())["InvalidManifest"] == "ManifestInvalid"
    assert again.written == 0

    world.source.push(declare("a", "2.0.0"), declare("b", "2.0.0"))
    await watcher.once()

    assert (await world.record("a")).conditions == ()
    assert "InvalidManifest" not in await world.reasons()
    assert (await world.seen()).problems == ()


async def test_problems_beyond_what_a_record_holds_are_counted(world: World) -> None:
    """A hundred problems at most, and fewer where they are long; each message is cut, and none is forgotten."""
    short = tuple(Diagnostic("manifests/a.yaml", line, 1, "WOM-012", "no") for line in range(1, 151))
    world.source.push(declare("b"), problems=short)
    await world.watch().once()
    many = await world.seen()
    long = tuple(replace(each, message="m" * 5000, source_line="s" * 500, hint="h" * 900) for each in short)
    world.source.push(declare("b"), problems=long)
    await world.watch().once()
    much = await world.seen()

    assert (len(many.problems), many.more_problems) == (100, 50)
    assert many.problems == short[:100]
    assert len(much.problems) + much.more_problems == 150
    assert len(encode(much)) < 80 * 1024
    assert {len(each.message) for each in much.problems} == {500}


async def test_records_from_before_problems_were_told_can_be_read() -> None:
    """A source that an older watcher wrote has none."""
    old = b'{"id":"main","url":"https://git.invalid/a","ref":"main","folder":"manifests","invalid":1}'

    assert decode(SourceRecord, old).problems == ()


async def test_a_file_that_gives_no_distribution_retires_nothing(world: World) -> None:
    """A manifest that cannot even be parsed keeps the distribution it declared before."""
    world.source.push(declare("a"), declare("b"))
    watcher = world.watch()
    await watcher.once()
    problems = tuple(Diagnostic("manifests/a.yaml", line, 2, "WOM-001", "x" * 200) for line in range(1, 90))
    world.source.push(declare("b"), problems=problems)
    await watcher.once()
    record = await world.record("a")

    assert not record.retired
    assert len(record.conditions[0].message) <= 2048
    assert record.conditions[0].message.splitlines()[-1].startswith("and ")


async def test_a_removed_manifest_retires(world: World) -> None:
    """The record stays, marked; its queued builds leave the queue; when it comes back all is as before."""
    world.source.push(declare("a"), declare("b"))
    watcher = world.watch()
    await watcher.once()
    world.source.push(declare("b"))
    outcome = await watcher.once()

    assert (await world.record("a")).retired
    assert outcome.cancelled == 2
    assert {build.state.value for build in world.builds.records.values() if build.spec.name == "a"} == {"superseded"}

    world.source.push(declare("a"), declare("b"))
    await watcher.once()

    assert not (await world.record("a")).retired
    assert {build.state.value for build in world.builds.records.values()} == {"queued"}


async def test_a_newer_version_supersedes_queued_builds(world: World) -> None:
    """Builds that the manifest no longer wants are taken off the queue."""
    world.source.push(declare("a"))
    watcher = world.watch()
    await watcher.once()
    world.source.push(declare("a", "1.1.0"))
    await watcher.once()

    assert world.builds.states() == [("1.0.0", "superseded")] * 2 + [("1.1.0", "queued")] * 2


async def test_an_empty_folder_retires_nothing(world: World) -> None:
    """Losing all manifests at once is taken for an accident; the last single one may go."""
    world.source.push(declare("a"), declare("b"))
    watcher = world.watch()
    await watcher.once()
    world.source.push()
    blocked = await watcher.once()

    assert blocked.cancelled == 0
    assert not (await world.record("a")).retired
    assert await world.reasons() == {"PruneBlocked": "Empty", "Ready": "Empty"}

    world.source.push(declare("b"))
    await watcher.once()
    world.source.push()
    await watcher.once()

    assert (await world.record("b")).retired
    assert "PruneBlocked" not in await world.reasons()


async def test_a_commit_that_retired_most_of_a_source_was_obeyed(world: World) -> None:
    """It waits, over restarts and later commits too, until their names are committed beside the manifests."""
    world.source.push(*map(declare, "abcde"))
    await world.watch().once()
    world.source.push(declare("a"), declare("f"))
    for _ in range(2):
        await world.watch().once()
        assert await world.reasons() == {"PruneBlocked": "TooMany", "Ready": "TooMany"}
        assert [(await world.record(name)).retired for name in "abcdef"] == [False] * 6
        world.source.push(declare("a", "1.1.0"), declare("f"))
    message = next(each.message for each in (await world.seen()).conditions if each.type == "PruneBlocked")
    assert "retire 4 of 6 distributions, more than 50 %: `b`, `c`, `d`, `e`; to confirm it, commit" in message
    assert "`manifests/RETIRED`" in message

    world.source.retired = frozenset("bc")  # the others are not most of the source any more
    world.source.push(declare("a", "1.1.0"), declare("f"))
    await world.watch().once()
    assert [(await world.record(name)).retired for name in "abcdef"] == [False, True, True, True, True, False]
    assert await world.reasons() == {"Ready": "Reconciled"}


async def test_a_source_was_ready_at_a_revision_whose_builds_nobody_had_requested(world: World) -> None:
    """It is not ready while the service is away, says so, and stays at the revision before."""
    world.source.push(declare("a"))
    watcher = world.watch()
    applied = (await watcher.once()).revision
    world.source.push(declare("a", "1.1.0"))
    world.builds.away = True
    outcome = await watcher.once()
    seen = await world.seen()

    assert outcome.revision != applied
    assert seen.revision == applied
    assert [(each.type, each.status, each.reason, each.revision) for each in seen.conditions] == [
        ("Ready", False, "BuildsNotRequested", outcome.revision)
    ]
    assert f"the builds of `{outcome.revision[:12]}` could not be requested: " in seen.conditions[0].message
    assert (await watcher.once()).written == 0

    world.builds.away = False
    await watcher.once()
    assert (await world.seen()).revision == outcome.revision
    assert await world.reasons() == {"Ready": "Reconciled"}


def timed_out() -> Unreachable:
    error = Unreachable("`file:///repo` did not answer within 60 s")
    error.__cause__ = TimedOut("git")
    return error


@pytest.mark.parametrize(
    ("error", "reason", "stalled"),
    [
        (NotFound("no branch `main`", hint="was it renamed?"), "RefNotFound", True),
        (UnusableSource("no folder", reason="FolderNotFound"), "FolderNotFound", True),
        (HistoryCut("cut off"), "HistoryCutOff", True),
        (Refused("access denied"), "AccessDenied", True),
        (Unreachable("no route"), "Unreachable", False),
        (timed_out(), "TimedOut", False),
        (CorruptData("bad pack"), "Corrupt", True),
    ],
)
async def test_a_source_that_fails_prunes_nothing(
    world: World, error: WombatError, reason: str, *, stalled: bool
) -> None:
    """It is written down once, with one reason each; afterwards all is as before."""
    world.source.push(declare("a"), declare("b"))
    watcher = world.watch()
    await watcher.once()
    world.source.error = error
    first, second = await watcher.once(), await watcher.once()

    assert first.error is error
    assert (first.written, second.written) == (1, 0)
    assert (await world.reasons())["FetchFailed"] == reason
    assert ("Stalled" in await world.reasons()) is stalled
    assert not (await world.record("a")).retired
    assert (await world.seen()).revision == world.source.commit

    world.source.error = None
    await watcher.once()

    assert await world.reasons() == {"Ready": "Reconciled"}


def publish(world: World) -> None:
    """Let everything that was asked for succeed."""
    done = {key: replace(record, state=BuildState.SUCCEEDED) for key, record in world.builds.records.items()}
    world.builds.records.update(done)


async def test_a_pass_tells_the_builds_that_count(world: World) -> None:
    """A later commit that only describes a published version asks for nothing, and wants what is there."""
    first = declare("a")
    world.source.push(first)
    watcher = world.watch()
    await watcher.once()
    publish(world)
    later = desired_builds(first.distribution, Lock(GO_MOD, GO_SUM), SPEC.date + timedelta(days=1))
    world.source.push(replace(first, builds=later))
    outcome = await watcher.once()

    assert outcome.requested == 0
    assert outcome.declaration is not None
    assert [build.id for build in outcome.declaration.declared[0].builds] == [build.id for build in first.builds]


async def test_a_pass_tells_of_a_published_version_that_would_be_another_program(world: World) -> None:
    """Among the problems of its manifest, so that whoever pushed it hears of it."""
    world.source.push(declare("a"))
    watcher = world.watch()
    await watcher.once()
    publish(world)
    other = replace(declare("a").distribution, packages=declare("a").distribution.packages[:1])
    builds = desired_builds(other, Lock(GO_MOD, GO_SUM), SPEC.date)
    world.source.push(replace(declare("a"), distribution=other, builds=builds), declare("b"))
    outcome = await watcher.once()

    assert outcome.declaration is not None
    assert [problem.rule for problem in outcome.declaration.diagnostics] == ["WOM-060"]
    assert list(unusable(outcome.declaration)) == ["manifests/a.yaml"]


async def test_two_sources_cannot_have_one_name(world: World) -> None:
    """The first owner keeps the name; it is free once its owner retires it or is no longer watched."""
    other = Scripted(id="source-2")
    world.source.push(declare("a"))
    other.push(declare("a", "9.0.0"), declare("b"))
    watcher, rival = world.watch(), world.watch(other)
    for _ in range(3):
        await watcher.once()
        await rival.once()
        world.clock.forward(61)
    conditions = {condition.type: condition for condition in (await world.seen("source-2")).conditions}

    assert (await world.record("a")).version == "1.0.0"
    assert (await world.record("b")).source == "source-2"
    assert conditions["NameConflict"].message == "another source already declares `a`: `source-1`"
    assert all(request.spec.version != "9.0.0" for request in world.builds.requests)

    await world.watch(other, rivals=frozenset({"source-2"})).once()

    assert (await world.record("a")).source == "source-2"


async def test_a_suspended_distribution_is_recorded_and_not_built(world: World) -> None:
    """Suspending stops requests and keeps the record."""
    world.source.push(declare("a", suspend=True))
    outcome = await world.watch().once()

    assert outcome.requested == 0
    assert (await world.record("a")).suspended


async def test_a_refused_build_is_told_and_stops_no_other(world: World) -> None:
    """What the service refuses becomes a condition of that distribution."""
    world.builds.refuse = {"6.6.6"}
    world.source.push(declare("a", "6.6.6"), declare("b"))
    outcome = await world.watch().once()
    record = await world.record("a")

    assert outcome.error is None
    assert outcome.requested == 2
    assert [(condition.type, condition.reason) for condition in record.conditions] == [("Stalled", "BuildRefused")]


async def test_an_unreadable_build_record_stopped_the_other_manifests(world: World) -> None:
    """It is a condition of its distribution, its source is not ready, each pass asks for it until it is repaired."""
    world.source.push(declare("a"), declare("b"))
    victim = world.source.declared[0].builds[0].id
    world.builds.unreadable = {victim}
    watcher = world.watch()
    outcome = await watcher.once()

    assert (outcome.error, outcome.requested) == (None, 3)
    assert await world.reasons() == {"Ready": "BuildUnreadable"}
    (ready,) = (await world.seen()).conditions
    assert not ready.status
    assert victim in ready.message
    conditions = (await world.record("a")).conditions
    assert [(condition.type, condition.reason) for condition in conditions] == [("Stalled", "BuildUnreadable")]
    assert (await world.record("b")).conditions == ()

    world.builds.unreadable.clear()
    assert (await watcher.once()).requested == 1, "nothing is new in the source, and the build is asked for"
    assert await world.reasons() == {"Ready": "Reconciled"}
    assert (await world.record("a")).conditions == ()
    reads = world.source.reads
    await watcher.once()
    assert world.source.reads == reads, "then there is nothing more to do"


async def test_a_service_that_cannot_tell_what_is_published_of_one_stopped_the_other_manifests(world: World) -> None:
    """What was declared before stays, with a condition."""
    world.source.push(declare("a"), declare("b"))
    watcher = world.watch()
    await watcher.once()
    before = await world.record("a")
    world.builds.unlisted = {"a"}
    world.source.push(declare("a", "1.1.0"), declare("b", "1.1.0"))
    outcome = await watcher.once()

    assert outcome.error is None
    assert await world.reasons() == {"Ready": "BuildUnreadable"}
    assert (await world.record("b")).version == "1.1.0"
    after = await world.record("a")
    assert (after.version, after.targets) == (before.version, before.targets)
    assert [condition.reason for condition in after.conditions] == ["BuildUnreadable"]
    world.builds.unlisted.clear()
    await watcher.once()
    assert (await world.record("a")).version == "1.1.0"
    assert await world.reasons() == {"Ready": "Reconciled"}


async def test_a_broker_that_is_away_is_made_up_for(world: World) -> None:
    """The next pass does what this one could not."""
    world.source.push(declare("a"))
    watcher = world.watch()
    world.builds.away = True
    failed = await watcher.once()
    world.builds.away = False
    outcome = await watcher.once()

    assert isinstance(failed.error, Unreachable)
    assert outcome.requested == 2
    assert (await world.record("a")).version == "1.0.0"


async def test_a_name_keeps_its_path(world: World) -> None:
    """Of two manifests with one name the one that had it before is used."""
    world.source.push(declare("a", path="manifests/z.yaml"))
    watcher = world.watch()
    await watcher.once()
    world.source.push(declare("a", "2.0.0", path="manifests/b.yaml"), declare("a", path="manifests/z.yaml"))
    await watcher.once()

    assert (await world.record("a")).path == "manifests/z.yaml"


async def test_a_changed_policy_reaches_builds_that_are_there(world: World) -> None:
    """Ids do not know policies, so a request with the new ones is made for what is known already, and only once."""
    item = declare("a")
    world.source.push(item)
    watcher = world.watch()
    await watcher.once()
    policy = Policy("house", licenses=Selection(allow=("MIT",)))
    stricter = replace(item, distribution=replace(item.distribution, policies=(policy,)))

    for declared in (stricter, stricter, stricter):
        world.source.push(declared)
        await watcher.once()

    assert [request.policies for request in world.builds.requests] == [(), (), (policy,), (policy,)]


async def test_a_change_wakes_the_watcher(world: World) -> None:
    """`run` makes a pass for every change and ends when told."""
    outcomes = asyncio.Queue[int]()
    source = world.source
    source.push(declare("a"))
    watcher = Reconciler(
        source,
        Reader(source),
        world.builds,
        world.sources,
        world.distributions,
        world.clock,
        random=lambda: 0.5,
        observe=lambda outcome: outcomes.put_nowait(outcome.requested),
    )
    stop = asyncio.Event()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(watcher.run(stop))
        first = await outcomes.get()
        source.push(declare("a"), declare("b"))
        source.moved.set()
        second = await outcomes.get()
        stop.set()

    assert (first, second) == (2, 2)


async def test_a_commit_without_its_signature_is_named_and_not_used(world: World) -> None:
    """What was read last stays."""
    world.source.push(declare("a"))
    watcher = world.watch()
    good = (await watcher.once()).revision
    world.source.error = Unverified("no", reason="NotSigned", revision="b" * 40)
    await watcher.once()
    seen = await world.seen()

    assert seen.revision == good
    assert {each.type: (each.reason, each.revision) for each in seen.conditions} == dict.fromkeys(
        ("Ready", "Stalled", "VerificationFailed"), ("NotSigned", "b" * 40)
    )


async def test_a_commit_without_its_signature_slows_nothing_down(world: World) -> None:
    """The host is in order: the next commit is looked for as soon as ever, whatever is wrong with this one."""
    errors = [Unverified("no", reason="NotSigned", revision="b" * 40)] * 3 + [Unreachable("away")] * 3
    stop = asyncio.Event()
    task = asyncio.create_task(world.watch().run(stop))
    async with asyncio.timeout(60):
        for number, error in enumerate(errors, 1):
            world.source.error = error
            world.source.moved.set()
            while len(world.source.waits) <= number:
                await asyncio.sleep(0)
        stop.set()
        await task
    pace = 30 * 1.05
    assert world.source.waits == pytest.approx([pace, pace, pace, pace, 3.75, 7.5, 15])


def test_retries_back_off_to_a_cap() -> None:
    """Waiting doubles up to the cap and then stays there; success waits the interval."""
    timing = Timing(interval=30, retry=5, retry_cap=60)

    assert [timing.delay(failures, 1.0) for failures in range(1, 8)] == [5, 10, 20, 40, 60, 60, 60]
    assert timing.delay(10_000, 0.0) == 30
    assert 30 <= timing.delay(0, 0.7) <= 33
