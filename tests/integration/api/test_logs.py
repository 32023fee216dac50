"""Logs: one address whatever the build does, live with resume, bounded whatever the reader does."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.api import QUICK, Event, events, served
from tests.support.stage import Stage, broken, built, queued_build, running_build
from wombat_gitops.api.follow import BACKLOG_LINES
from wombat_gitops.api.views.builds import LogLine
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.records import BuildRecord, Step

RUNNING = running_build(queued_build(), Step.FETCH)
LOG = f"/api/v1/builds/{RUNNING.id}/log"


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    await stage.put(RUNNING)
    return stage


async def say(stage: Stage, *lines: str, first: int = 0) -> None:
    for index, line in enumerate(lines, first):
        await stage.logs.append(RUNNING.id, 1, index, f"{line}\n")


async def finish(stage: Stage, index: int) -> BuildRecord:
    """End the log, then the build, as a builder does."""
    await stage.logs.append(RUNNING.id, 1, index, "", end=True)
    done = lifecycle.cancelled(RUNNING, RUNNING.changed_at)
    await stage.put(done)
    return done


def lines(received: list[Event]) -> list[str]:
    return [line for event in received if event.name == "line" for line in event.data["lines"]]


async def test_the_log_of_a_running_build_is_what_there_is(stage: Stage) -> None:
    """Text so far, or its last lines."""
    await say(stage, "one", "two", "three")
    async with stage.running(), served(stage) as client:
        whole = await client.get(LOG)
        tail = await client.get(f"{LOG}?tail=2")

    assert (whole.text, tail.text) == ("one\ntwo\nthree\n", "two\nthree\n")
    assert whole.headers["content-type"] == tail.headers["content-type"] == "text/plain; charset=utf-8"


async def test_the_log_of_a_finished_build_has_the_same_address(stage: Stage) -> None:
    """After the end the stored log is served, with tag, range and tail."""
    text = "".join(f"line {number} ü\n" for number in range(20_000))
    log = await stage.store_log(text)
    await stage.put(broken(queued_build(), log))
    async with stage.running(), served(stage) as client:
        whole = await client.get(LOG)
        tail = await client.get(f"{LOG}?tail=2")
        part = await client.get(LOG, headers={"Range": "bytes=0-5"})
        known = await client.get(LOG, headers={"If-None-Match": whole.headers["etag"]})

    assert whole.text == text
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert tail.text == "line 19998 ü\nline 19999 ü\n"
    assert (part.status_code, part.content) == (206, b"line 0")
    assert known.status_code == 304


async def test_a_queued_build_has_an_empty_log(stage: Stage) -> None:
    """Nothing was said yet, and that is no error."""
    record = queued_build(name="waiting")
    await stage.put(record)
    async with stage.running(), served(stage) as client:
        answer = await client.get(f"/api/v1/builds/{record.id}/log")
    assert (answer.status_code, answer.text) == (200, "")


async def test_a_log_that_is_gone_says_so(stage: Stage) -> None:
    """An ended attempt without a stored log and without a stream is a 404."""
    await stage.put(broken(queued_build()))
    async with stage.running(), served(stage) as client:
        answer = await client.get(LOG)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_live_log_follows_to_the_end(stage: Stage) -> None:
    """Lines come as they are said; `end` tells the state once the record has it too."""
    await say(stage, "one")
    received: list[Event] = []
    async with stage.running(), served(stage) as client, client.stream("GET", f"{LOG}/stream") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        stream: AsyncIterator[Event] = events(response)
        received.append(await anext(stream))
        await say(stage, "two", first=1)
        received.append(await anext(stream))
        await finish(stage, 2)
        received += [event async for event in stream]

    assert lines(received) == ["one", "two"]
    assert (received[-1].name, received[-1].data) == ("end", {"state": "cancelled", "total": 2, "kept": True})


async def test_a_reader_goes_on_behind_the_last_event(stage: Stage) -> None:
    """`Last-Event-ID` gives exactly what came after it, while the build runs and after it ended."""
    await say(stage, "one", "two")
    async with stage.running(), served(stage) as client:
        async with client.stream("GET", f"{LOG}/stream") as response:
            last = (await anext(events(response))).id
        await say(stage, "three", first=2)
        async with client.stream("GET", f"{LOG}/stream", headers={"Last-Event-ID": last}) as response:
            assert lines([await anext(events(response))]) == ["three"]
        await finish(stage, 3)
        async with client.stream("GET", f"{LOG}/stream", headers={"Last-Event-ID": last}) as response:
            rest = [event async for event in events(response)]

    assert lines(rest) == ["three"]
    assert rest[-1].name == "end"


async def test_a_new_reader_of_a_running_build_gets_the_last_lines(stage: Stage) -> None:
    """At most 500 lines come before the live ones."""
    await stage.logs.append(RUNNING.id, 1, 0, "".join(f"{number}\n" for number in range(2000)))
    async with (
        stage.running(),
        served(stage) as client,
        client.stream("GET", f"{LOG}/stream") as response,
    ):
        first = await anext(events(response))

    assert first.data["lines"] == [str(number) for number in range(2000 - BACKLOG_LINES, 2000)]


async def test_a_reader_that_waits_holds_no_lines(stage: Stage) -> None:
    """What was sent is forgotten, and not held until more comes: up to 500 lines for each reader."""
    await say(stage, "one", "two")
    async with stage.running(), served(stage) as client, client.stream("GET", f"{LOG}/stream") as response:
        received = events(response)
        assert (await anext(received)).data["lines"] == ["one", "two"]
        async with asyncio.timeout(60):
            while any(isinstance(each, LogLine) for each in gc.get_objects()):
                await asyncio.sleep(0.01)
        await say(stage, "three", first=2)
        assert (await anext(received)).data["lines"] == ["three"]


async def test_the_end_of_an_ended_log_comes_and_can_be_resumed(stage: Stage) -> None:
    """The last lines with their numbers, then `end`; a reader that was cut off goes on in the middle."""
    text = [f"line {number}" for number in range(1, 1201)]
    log = await stage.store_log("\n".join(text) + "\n")
    await stage.put(built(queued_build(), b"x", log))
    async with stage.running(), served(stage) as client:
        async with client.stream("GET", f"{LOG}/stream") as response:
            tail = [event async for event in events(response)]
        async with client.stream("GET", f"{LOG}/stream", headers={"Last-Event-ID": "1-line-100"}) as response:
            rest = [event async for event in events(response)]

    assert (tail[0].data["first"], lines(tail)) == (701, text[700:])
    assert ([event.data["first"] for event in rest[:-1]], lines(rest)) == ([101, 601, 1101], text[100:])
    assert tail[-1].data == rest[-1].data == {"state": "succeeded", "total": 1200, "kept": True}


async def test_a_reader_of_a_queued_build_waits_for_its_builder(stage: Stage) -> None:
    """The stream is open from the start and begins when the build does."""
    record = queued_build(name="waiting")
    await stage.put(record)
    url = f"/api/v1/builds/{record.id}/log/stream"
    async with stage.running(), served(stage) as client, client.stream("GET", url) as response:
        await stage.put(running_build(record))
        await stage.logs.append(record.id, 1, 0, "hello\n")
        assert lines([await anext(events(response))]) == ["hello"]


async def test_a_lost_builder_ends_the_stream(stage: Stage) -> None:
    """An attempt that ended without an end of its log does not keep readers for ever."""
    await say(stage, "one")
    async with stage.running(), served(stage) as client, client.stream("GET", f"{LOG}/stream") as response:
        stream = events(response)
        await anext(stream)
        await stage.put(lifecycle.lost(RUNNING, RUNNING.changed_at))
        end = await anext(stream)
    assert (end.name, end.data) == ("end", {"state": "queued", "total": 1, "kept": True})


async def test_streams_are_bounded(stage: Stage) -> None:
    """One more reader than allowed gets 503; a place is free again when a reader leaves."""
    await say(stage, "one")
    async with stage.running(), served(stage, limits=replace(QUICK, streams=1)) as client:
        async with client.stream("GET", f"{LOG}/stream") as response:
            await anext(events(response))
            refused = await client.get("/api/v1/events")
        status = 503
        async with asyncio.timeout(60):
            while status == 503:
                async with client.stream("GET", f"{LOG}/stream") as response:
                    status = response.status_code

    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert int(refused.headers["retry-after"]) > 0


async def test_changes_are_hinted(stage: Stage) -> None:
    """A change of anything wakes the pages; many changes are few hints."""
    async with stage.running(), served(stage) as client, client.stream("GET", "/api/v1/events") as response:
        stream = events(response)
        for number in range(100):
            await stage.put(queued_build(name=f"n{number}"))
        first = await anext(stream)
        hints = 1
        while first.data["version"] < stage.catalog.version:
            first = await anext(stream)
            hints += 1
    assert first.name == "change"
    assert hints < 50


async def test_open_streams_end_when_the_server_stops(stage: Stage) -> None:
    """Stopping does not wait for readers; without `end` they will ask again."""
    await say(stage, "one")
    async with stage.running():
        async with served(stage) as client:
            for url in ("/api/v1/events", f"{LOG}/stream"):
                request = client.build_request("GET", url)
                await client.send(request, stream=True)
            loop = asyncio.get_running_loop()
            started = loop.time()
        assert loop.time() - started < 3


async def test_a_reader_that_takes_nothing_is_disconnected(stage: Stage) -> None:
    """A stalled reader holds neither memory nor its place."""
    limits = replace(QUICK, streams=1, stall_seconds=0.2)
    text = "x" * 100_000
    async with stage.running(), served(stage, limits=limits) as client:
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port, limit=1024)
        writer.write(f"GET {LOG}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        async with asyncio.timeout(60):
            await reader.readline()
            for index in range(400):
                await stage.logs.append(RUNNING.id, 1, index, f"{text}\n")
            status = 503
            while status == 503:
                async with client.stream("GET", "/api/v1/events") as response:
                    status = response.status_code
        writer.close()
    assert status == 200
