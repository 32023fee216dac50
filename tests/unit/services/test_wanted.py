"""A source that moves on takes no build away from anybody else, in whichever order they write."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.factories import SPEC, ManualClock, make_request
from tests.support.fakes import NoIndex
from tests.support.turns import Turns, TurnStore
from tests.unit.services.test_queue import Bench
from wombat_gitops.adapters.memory import MemoryObjects, MemoryStore
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.asking import askers
from wombat_gitops.domain.capability import Needs
from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.messages import AttemptClaim
from wombat_gitops.domain.records import MAX_ATTEMPTS, BuildRecord, BuildState, Origin
from wombat_gitops.services.claims import AttemptDesk
from wombat_gitops.services.queue import BuildQueue, Inputs
from wombat_gitops.services.wanted import WantedBuilds

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from wombat_gitops.domain.messages import BuildRequest

ID = build_id(SPEC)
CHOICES = list(itertools.product((0, 1), repeat=8))


def asked_by(source: str) -> BuildRequest:
    return replace(make_request(), origin=Origin(source, "c" * 40, "manifests/tiny.yaml"))


class Stage:
    """A queue whose callers take turns at its records."""

    def __init__(self, folder: Path) -> None:
        self.turns = Turns()
        self.records = TurnStore[BuildRecord](self.turns)
        clock = ManualClock()
        objects = MemoryObjects(folder)
        self.queue = BuildQueue(self.records, Inputs(MemoryStore[str]()), objects, NoIndex(), clock)
        self.desk = AttemptDesk(self.records, clock, lambda: 0.5)

    def play(self, choices: tuple[int, ...], *works: Coroutine[None, None, None], also: str = "one") -> BuildRecord:
        async def all_of_it() -> BuildRecord:
            await self.queue.request(asked_by("one"))
            await self.queue.request(asked_by(also))
            await self.turns.run(works, choices)
            return await self.queue.get(ID)

        return asyncio.run(all_of_it())


def test_no_order_takes_a_build_that_another_source_asks_for(tmp_path: Path) -> None:
    """Whenever the other source comes, the build is queued in the end and it is the one who asks."""
    for choices in CHOICES:
        stage = Stage(tmp_path)

        async def leave(stage: Stage = stage) -> None:
            await WantedBuilds(stage.queue, "one", None).give_up([ID])

        async def come(stage: Stage = stage) -> None:
            await stage.queue.request(asked_by("two"))

        record = stage.play(choices, leave(), come())
        assert record.state is BuildState.QUEUED, choices
        assert askers(record) == ("two",), choices


def test_the_last_who_leaves_supersedes(tmp_path: Path) -> None:
    """Of two that leave at once, one of them takes the build off the queue."""
    for choices in CHOICES:
        stage = Stage(tmp_path)
        given_up: list[int] = []

        async def leave(source: str, stage: Stage = stage, given_up: list[int] = given_up) -> None:
            given_up.append(await WantedBuilds(stage.queue, source, None).give_up([ID]))

        record = stage.play(choices, leave("one"), leave("two"), also="two")
        assert record.state is BuildState.SUPERSEDED, choices
        assert sum(given_up) == 1, choices


def test_a_cancel_and_a_claim_have_one_outcome(tmp_path: Path) -> None:
    """Either the builder never got the build, or it has it and is told to stop; nobody is told both."""
    seen = set[str]()
    for choices in CHOICES:
        stage = Stage(tmp_path)
        holds: list[bool] = []

        async def cancel(stage: Stage = stage) -> None:
            await stage.queue.cancel(ID)

        async def claim(stage: Stage = stage, holds: list[bool] = holds) -> None:
            holds.append((await stage.desk.claim(AttemptClaim(ID, "one.1", "mark-one"))).holds)

        record = stage.play(choices, cancel(), claim())
        if holds == [True]:
            assert (record.state, record.cancel_requested) == (BuildState.RUNNING, True), choices
        else:
            assert (record.state, record.attempts) == (BuildState.CANCELLED, ()), choices
        seen.add(record.state.value)
    assert seen == {"running", "cancelled"}


async def test_a_person_keeps_what_a_source_gives_up(tmp_path: Path) -> None:
    """Who asks without a source is asked too."""
    bench = Bench(tmp_path)
    await bench.queue.request(asked_by("one"))
    await bench.queue.request(make_request())
    assert await WantedBuilds(bench.queue, "one", None).give_up([ID]) == 0
    assert (await bench.entry()).value.asked_by == ("",)
    assert (await bench.entry()).value.state is BuildState.QUEUED


async def test_what_is_running_is_not_given_up(tmp_path: Path) -> None:
    """A builder that has begun ends its work."""
    bench = Bench(tmp_path)
    await bench.queue.request(asked_by("one"))
    await bench.claim()
    assert await WantedBuilds(bench.queue, "one", None).give_up([ID]) == 0
    with pytest.raises(Refused):
        await bench.queue.cancel(ID, superseded=True, source="one")
    assert (await bench.entry()).value.state is BuildState.RUNNING


async def test_newer_needs_replace_those_of_a_queued_build(tmp_path: Path) -> None:
    """What the newest request needs counts, and an equal one writes nothing."""
    bench = Bench(tmp_path)
    await bench.queue.request(make_request())
    await bench.queue.request(replace(make_request(), needs=Needs(4 << 30, (("disk", "ssd"),))))
    entry = await bench.entry()
    assert entry.value.needs == Needs(4 << 30, (("disk", "ssd"),))
    await bench.queue.request(replace(make_request(), needs=Needs(4 << 30, (("disk", "ssd"),))))
    assert (await bench.entry()).revision == entry.revision


async def test_a_build_that_kills_its_builders_waits_for_a_person(tmp_path: Path) -> None:
    """Neither an equal request nor a watcher's confirmation queues it again; a retry does."""
    bench = Bench(tmp_path)
    await bench.queue.request(asked_by("one"))
    for attempt in range(MAX_ATTEMPTS):
        await bench.claim(f"mark-{attempt}")
        entry = await bench.entry()
        await bench.records.replace(entry, lifecycle.lost(entry.value, bench.clock()))
    for source in ("one", "two", ""):
        await bench.queue.request(asked_by(source))
    poisoned = (await bench.entry()).value
    assert poisoned.state is BuildState.FAILED
    assert poisoned.failure is not None
    assert poisoned.failure.reason == "KillsItsBuilder"
    assert (await bench.queue.retry(ID)).state is BuildState.QUEUED
