"""The builders, and what each of them does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.support.api import in_process
from tests.support.factories import NOW
from tests.support.stage import Stage, broken, built, presence, queued_build, running_build
from wombat_gitops.domain.capability import Capabilities
from wombat_gitops.domain.catalogue import BuilderState, Condition, SourceRecord
from wombat_gitops.domain.records import Step
from wombat_gitops.wiring.gauges import fleet


async def test_builders_tell_what_they_build_now(tmp_path: Path) -> None:
    """Each builder has its own builds with their step; one that is free has none."""
    stage = Stage(tmp_path)
    running = running_build(queued_build(name="busy"), Step.FETCH, Step.COMPILE)
    await stage.put(running, queued_build(name="waiting"), presence(busy=1), presence("builder-2"))
    async with stage.running(), in_process(stage) as client:
        one, two = (await client.get("/api/v1/builders")).json()["items"]

    assert [(work["build"], work["name"], work["step"]) for work in one["builds"]] == [(running.id, "busy", "compile")]
    assert (one["id"], two["id"], two["builds"]) == ("builder-1", "builder-2", [])


async def test_levels_of_sandboxes(tmp_path: Path) -> None:
    """Of each builder and of each attempt, and empty where an earlier release did not record it."""
    stage = Stage(tmp_path)
    levels = ("bubblewrap", "landlock", "none", "")
    for number, level in enumerate(levels):
        await stage.put(presence(f"builder-{number}.1", can=Capabilities(sandbox=level)))
    done = built(queued_build(), b"x")
    attempts = tuple(replace(done.attempt, number=number, sandbox=level) for number, level in enumerate(levels))
    await stage.put(replace(done, attempts=attempts))
    async with stage.running() as catalog, in_process(stage) as client:
        builders = (await client.get("/api/v1/builders")).json()["items"]
        status = (await client.get("/api/v1/status?fields=builders.sandbox")).json()["builders"]
        detail = (await client.get("/api/v1/builders/builder-2")).json()["starts"]
        build = (await client.get(f"/api/v1/builds/{done.id}")).json()
        gauges = {labels: value for name, labels, value in fleet(catalog, NOW) if name == "wombat_builders_sandboxed"}

    assert tuple(each["sandbox"] for each in builders) == levels
    assert tuple(each["sandbox"] for each in status) == levels
    assert [each["sandbox"] for each in detail] == ["none"]
    assert tuple(each["sandbox"] for each in build["attempts"]) == levels
    assert gauges == {("bubblewrap",): 1, ("landlock",): 1, ("none",): 1, ("other",): 1}


async def test_one_builder_tells_what_it_does_and_did(tmp_path: Path) -> None:
    """By its name; what it ended stays to be seen after it is gone, and a name that nobody has gets its neighbours."""
    stage = Stage(tmp_path)
    running = running_build(queued_build(name="busy"), Step.FETCH)
    good, bad = built(queued_build(), b"x"), broken(queued_build(10, name="bad"))
    await stage.put(running, good, bad, presence(busy=1), presence("idle.7", state=BuilderState.DRAINING, reason="why"))
    async with stage.running(), in_process(stage) as client:
        one = (await client.get("/api/v1/builders/builder-1")).json()
        idle = (await client.get("/api/v1/builders/idle")).json()
        none = await client.get("/api/v1/builders/builder-2")
        stage.clock.forward(60)
        gone = (await client.get("/api/v1/builders/builder-1")).json()

    (start,) = one["starts"]
    assert ([work["build"] for work in start["builds"]], start["seen_at"]) == ([running.id], "2026-11-01T12:00:00Z")
    assert [(each["build"], each["ended_as"], each["reason"]) for each in one["recent"]] == [
        (bad.id, "failed", "CompileError"),
        (good.id, "succeeded", ""),
    ]
    assert (one["succeeded"], one["failed"], one["lost"], one["failure_rate"]) == (1, 1, 0, 0.5)
    assert (idle["at_work"], idle["starts"][0]["state"], idle["starts"][0]["reason"]) == (True, "draining", "why")
    assert (idle["recent"], idle["failure_rate"]) == ([], None)
    assert (none.status_code, none.json()["hint"]) == (404, "did you mean `builder-1`?")
    assert (gone["at_work"], gone["starts"], len(gone["recent"])) == (False, [], 2)


async def test_the_status_says_whether_it_is_down(tmp_path: Path) -> None:
    """One word, and the reasons with where to look; a builder that comes makes it well again."""
    stage = Stage(tmp_path)
    refused = Condition("Ready", False, "AccessDenied", "no entry", "", NOW)
    await stage.put(queued_build(), SourceRecord("main", "https://git.invalid/a", "main", "m", conditions=(refused,)))
    async with stage.running() as catalog, in_process(stage) as client:
        down = (await client.get("/api/v1/status")).json()["health"]
        await stage.put(presence())
        await stage.until(catalog.builders)
        better = (await client.get("/api/v1/status")).json()["health"]
        stage.connected = False
        away = (await client.get("/api/v1/status")).json()["health"]

    assert (down["state"], [each["code"] for each in down["reasons"]]) == ("down", ["no-builder", "source-not-ready"])
    assert down["reasons"][1]["html_url"] == "/sources#main"
    assert (better["state"], [each["code"] for each in better["reasons"]]) == ("degraded", ["source-not-ready"])
    assert (away["state"], away["reasons"][0]["code"]) == ("down", "broker-away")
