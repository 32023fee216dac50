"""The queue in the order in which it is taken, and one build followed from the queue to its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.api import QUICK, events, in_process, served
from tests.support.factories import NOW
from tests.support.stage import ARM, Stage, presence, queued_build, running_build
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.capability import Capabilities, SandboxLevel
from wombat_gitops.domain.catalogue import BuilderState
from wombat_gitops.domain.model import PipelineTest
from wombat_gitops.domain.records import BuildRecord, Origin, Step
from wombat_gitops.domain.subjects import builder_lease

QUEUE = "/api/v1/queue"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def asked(name: str, source: str, seconds: float, priority: int = 0) -> BuildRecord:
    return replace(queued_build(seconds, priority, name=name), origin=Origin(source))


async def test_the_order_is_the_one_of_builders(stage: Stage) -> None:
    """Urgent ones first, then sources in turn: who asks for very much does not keep others waiting."""
    many = [asked(f"many-{number}", "many", number) for number in range(3)]
    few = [asked(f"few-{number}", "few", 10 + number) for number in range(2)]
    await stage.put(*many, *few, asked("urgent", "many", 20, priority=5), presence())
    async with stage.running(), in_process(stage) as client:
        queue = (await client.get(QUEUE)).json()
        assert [item["name"] for item in queue["items"]] == ["urgent", "few-0", "many-0", "few-1", "many-1", "many-2"]
        assert [item["position"] for item in queue["items"]] == [1, 2, 3, 4, 5, 6]
        assert queue["items"][3]["ahead"] == [{"source": "many", "builds": 2}, {"source": "few", "builds": 1}]
        for item in queue["items"]:
            build = (await client.get(item["build_url"])).json()
            assert (build["position"], build["queue"]) == (item["position"], item)


async def test_what_cannot_be_taken_now_comes_last(stage: Stage) -> None:
    """First what builders can take, then what is held back, then what nobody can take, each with its reason."""
    held = replace(asked("held", "main", 0), not_before=NOW + timedelta(seconds=60))
    stranded = replace(queued_build(1, name="stranded", platform=ARM), origin=Origin("main"))
    ready = asked("ready", "main", 2)
    builder = presence("builder-1.5", can=Capabilities(platforms=("linux/amd64",)))
    draining = presence("builder-2.5", state=BuilderState.DRAINING)
    await stage.put(held, stranded, ready, builder, draining)
    async with stage.running(), in_process(stage) as client:
        items = (await client.get(QUEUE)).json()["items"]
        assert [(item["name"], item["builders"]) for item in items] == [
            ("ready", ["builder-1"]),
            ("held", ["builder-1"]),
            ("stranded", []),
        ]
        assert "not before 12:01:00 UTC" in items[1]["waiting_for"]
        assert "builder-2" in items[2]["waiting_for"]
        stage.clock.forward(61)
        await stage.put(replace(builder, busy=1), replace(draining, busy=1))
        await stage.until(lambda: [each.busy for each in stage.catalog.builders()] == [1, 1])
        assert [item["name"] for item in (await client.get(QUEUE)).json()["items"]][:2] == ["held", "ready"]


async def test_tests_wait_for_a_builder_with_a_sandbox(stage: Stage) -> None:
    """A builder without one is idle and named nowhere while another one is at work; alone it is the taker."""
    tested = queued_build(name="tested", tests=(PipelineTest("hello", "input: {}\n"),))
    bare = presence("bare.1", can=Capabilities(sandbox=SandboxLevel.NONE))
    contained = presence("contained.1", busy=2)
    await stage.put(tested, bare, contained)
    async with stage.running() as catalog, in_process(stage) as client:
        (item,) = (await client.get(QUEUE)).json()["items"]
        assert item["builders"] == ["contained"]
        assert item["waiting_for"] == "all 2 workers that can take it are busy"
        await stage.builders.remove(builder_lease("contained.1"))
        await stage.until(lambda: len(catalog.builders()) == 1)
        (item,) = (await client.get(QUEUE)).json()["items"]
        assert item["builders"] == ["bare"]
        assert item["waiting_for"] == "a builder is about to take it"


async def test_pages_of_the_queue(stage: Stage) -> None:
    """`next` leads on to the end."""
    await stage.put(*(queued_build(number, name=f"n{number}") for number in range(5)), presence())
    names: list[str] = []
    url: str | None = f"{QUEUE}?limit=2"
    async with stage.running(), in_process(stage) as client:
        while url:
            page = (await client.get(url)).json()
            assert page["total"] == 5
            names += [item["name"] for item in page["items"]]
            url = page["next"]
    assert names == [f"n{number}" for number in range(5)]


async def test_a_build_is_followed_to_its_end(stage: Stage) -> None:
    """Each event is the whole build: its place in the queue, its steps, its result; then the stream ends."""
    first, second = queued_build(0, name="first"), queued_build(1, name="second")
    await stage.put(first, second, presence())
    url = f"/api/v1/builds/{second.id}/events"
    async with stage.running(), served(stage) as client, client.stream("GET", url) as response:
        stream = events(response)
        assert (await anext(stream)).data["queue"]["position"] == 2
        await stage.put(running_build(first))
        assert (await anext(stream)).data["queue"]["position"] == 1
        running = running_build(second, Step.FETCH)
        await stage.put(running)
        event = await anext(stream)
        assert (event.data["state"], event.data["queue"]) == ("running", None)
        await stage.put(lifecycle.cancelled(running, NOW))
        rest = [event async for event in stream]
        whole = (await client.get(f"/api/v1/builds/{second.id}")).json()
    assert [(event.name, event.data["state"]) for event in rest] == [("build", "cancelled"), ("end", "cancelled")]
    assert rest[0].data == whole


async def test_a_follower_of_a_build_goes_on_where_it_was(stage: Stage) -> None:
    """What it has is not told again, by whatever server; what it missed is."""
    record = queued_build()
    await stage.put(record, presence())
    url = f"/api/v1/builds/{record.id}/events"
    async with stage.running(), served(stage) as client:
        async with client.stream("GET", url) as response:
            last = (await anext(events(response))).id
        async with client.stream("GET", url, headers={"Last-Event-ID": last}) as response:
            await stage.put(running_build(record))
            assert (await anext(events(response))).data["state"] == "running"
        async with client.stream("GET", url, headers={"Last-Event-ID": "of nobody"}) as response:
            assert (await anext(events(response))).data["state"] == "running"


async def test_others_do_not_wake_a_follower(stage: Stage) -> None:
    """A change of another build that changes nothing here is no event."""
    running = running_build(queued_build())
    await stage.put(running, presence())
    url = f"/api/v1/builds/{running.id}/events"
    async with stage.running(), served(stage) as client, client.stream("GET", url) as response:
        stream = events(response)
        await anext(stream)
        for number in range(20):
            await stage.put(queued_build(number, name=f"n{number}"))
        await stage.until(lambda: stage.catalog.status().queued == 20)
        await stage.put(lifecycle.stepped(running, Step.FETCH, NOW))
        event = await anext(stream)
    assert [step["step"] for step in event.data["attempts"][0]["steps"]] == ["fetch"]


async def test_followers_of_builds_are_bounded(stage: Stage) -> None:
    """They take the same places as other streams; an unknown build is 404 and no stream."""
    record = queued_build()
    await stage.put(record, presence())
    async with stage.running(), served(stage, limits=replace(QUICK, streams=1)) as client:
        url = f"/api/v1/builds/{record.id}/events"
        async with client.stream("GET", url) as response:
            await anext(events(response))
            assert (await client.get("/api/v1/events")).status_code == 503
        assert (await client.get(f"/api/v1/builds/{'f' * 64}/events")).status_code == 404
        assert (await client.head(url)).headers["content-type"].startswith("text/event-stream")
