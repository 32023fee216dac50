"""Logs by the numbers of their lines, and searched as a whole, while a build runs and afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.api import events, in_process, served
from tests.support.smalldisk import small_disk
from tests.support.stage import Stage, broken, queued_build, running_build
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.errors import Unreachable
from wombat_gitops.domain.records import Step
from wombat_gitops.services.loglines import MAX_BYTES, MAX_COUNTED, MAX_TEXT

if TYPE_CHECKING:
    from wombat_gitops.ports import LogChunk

RUNNING = running_build(queued_build(), Step.FETCH)
LOG = f"/api/v1/builds/{RUNNING.id}/log"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def written(stage: Stage, text: str, *, finished: bool) -> None:
    """A log with *text*, of a build that runs or has ended."""
    if finished:
        await stage.put(broken(queued_build(), await stage.store_log(text)))
    else:
        await stage.put(RUNNING)
        for index, start in enumerate(range(0, len(text), 30_000)):
            await stage.logs.append(RUNNING.id, 1, index, text[start : start + 30_000])


@pytest.mark.parametrize("finished", [False, True], ids=["running", "finished"])
async def test_lines_by_their_numbers(stage: Stage, finished: bool) -> None:
    """Any range, the last ones without a number, and none behind the end."""
    await written(stage, "".join(f"line {number} ü\n" for number in range(1, 20_001)), finished=finished)
    async with stage.running(), in_process(stage) as client:
        middle = (await client.get(f"{LOG}/lines?from=10000&limit=3")).json()
        last = (await client.get(f"{LOG}/lines?limit=2")).json()
        edge = (await client.get(f"{LOG}/lines?from=20000&limit=1000")).json()
        behind = (await client.get(f"{LOG}/lines?from=20001")).json()
    totals = {"total": 20_000, "complete": finished}
    assert middle == {"first": 10_000, "lines": ["line 10000 ü", "line 10001 ü", "line 10002 ü"], **totals}
    assert last == {"first": 19_999, "lines": ["line 19999 ü", "line 20000 ü"], **totals}
    assert edge == {"first": 20_000, "lines": ["line 20000 ü"], **totals}
    assert behind == {"first": 20_001, "lines": [], **totals}


async def test_every_line_is_where_its_number_says(stage: Stage) -> None:
    """Page by page from the first line to the last, the text comes back whole, whatever the lines are like."""
    said = ["", "x" * 16_000, "", *(f"{number}" for number in range(500)), "y" * 16_000, "no end"]
    await written(stage, "\n".join(said), finished=True)
    read: list[str] = []
    async with stage.running(), in_process(stage) as client:
        while part := (await client.get(f"{LOG}/lines?from={len(read) + 1}&limit=7")).json()["lines"]:
            read += part
    assert read == said


async def test_a_range_of_long_lines_is_cut_short(stage: Stage) -> None:
    """An answer has a bound in bytes, always gives a line, and the next range goes on."""
    said = [letter * 200_000 for letter in "abcdefghijklmnopqrst"]
    await written(stage, "\n".join(said) + "\n", finished=True)
    read: list[str] = []
    async with stage.running(), in_process(stage) as client:
        while part := (await client.get(f"{LOG}/lines?from={len(read) + 1}&limit=1000")).json()["lines"]:
            assert sum(map(len, part)) <= MAX_BYTES
            read += part
    assert read == said


async def test_a_growing_log_is_read_on(stage: Stage) -> None:
    """What was said meanwhile is there at the next request, behind the lines that were."""
    await written(stage, "one\ntwo\n", finished=False)
    async with stage.running(), in_process(stage) as client:
        before = (await client.get(f"{LOG}/lines?from=1")).json()
        await stage.logs.append(RUNNING.id, 1, 1, "three\n")
        after = (await client.get(f"{LOG}/lines?from=2")).json()
        await stage.logs.append(RUNNING.id, 1, 2, "", end=True)
        ended = (await client.get(f"{LOG}/lines?from=3")).json()
    assert before["lines"] == ["one", "two"]
    assert after == {"first": 2, "lines": ["two", "three"], "total": 3, "complete": False}
    assert ended == {"first": 3, "lines": ["three"], "total": 3, "complete": True}


async def test_a_growing_log_on_a_full_disk(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused for now; with room again it is as it was written, though half of it was there already."""
    text = "".join(f"line {number}\n" for number in range(1, 100_001))
    with small_disk(stage.folder / "disk", "1m") as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk.folder))
        await written(stage, text, finished=False)
        async with stage.running(), in_process(stage) as client:
            refused = await client.get(f"{LOG}/lines?from=1")
            assert (refused.status_code, refused.json()["code"]) == (503, "disk-failed")
            disk.resize("8m")
            for number in (1, 50_000, 100_000):
                answer = await client.get(f"{LOG}/lines?from={number}&limit=1")
                assert answer.json()["lines"] == [f"line {number}"]


@pytest.mark.parametrize("finished", [False, True], ids=["running", "finished"])
async def test_a_search_reads_the_whole_log(stage: Stage, finished: bool) -> None:
    """Case does not matter, a line counts once, and pages follow each other to the last match."""
    text = "".join(f"{'ERROR error' if number % 1000 == 0 else 'fine'} {number}\n" for number in range(1, 20_001))
    await written(stage, text, finished=finished)
    found: list[int] = []
    url: str | None = f"{LOG}/search?q=Error&limit=7"
    async with stage.running(), in_process(stage) as client:
        while url:
            page = (await client.get(url)).json()
            assert (page["total"], page["bounded"], page["searched"]) == (20, False, 20_000)
            assert all(item["text"] == f"ERROR error {item['line']}" for item in page["items"])
            found += [item["line"] for item in page["items"]]
            url = page["next"]
    assert found == list(range(1000, 20_001, 1000))


async def test_pages_of_a_search_have_the_fields_that_were_wanted(stage: Stage) -> None:
    await written(stage, "match 1\nmatch 2\n", finished=True)
    async with stage.running(), in_process(stage) as client:
        page = (await client.get(f"{LOG}/search?q=match&limit=1&fields=line")).json()
        following = (await client.get(page["next"])).json()
    assert [page["items"], following["items"]] == [[{"line": 1}], [{"line": 2}]]


async def test_a_search_says_when_it_has_not_counted_all(stage: Stage) -> None:
    """Of very many matches some are counted, and their number is not told as if it were exact."""
    await written(stage, "match\n" * 200_000 + "the last match\n", finished=True)
    async with stage.running(), in_process(stage) as client:
        first = (await client.get(f"{LOG}/search?q=match&limit=1")).json()
        last = (await client.get(f"{LOG}/search?q=match&after=200000")).json()
    assert (first["total"], first["bounded"]) == (MAX_COUNTED, True)
    assert last["items"] == [{"line": 200_001, "text": "the last match"}]
    assert last["next"] is None


async def test_a_search_sees_what_people_see(stage: Stage) -> None:
    """Colours of terminals do not break words apart, and of a long line the part around the match is shown."""
    text = "\x1b[31mun\x1b[1mdefined\x1b[0m: x\n" + "x" * 5000 + "needle" + "y" * 5000 + "\n"
    await written(stage, text, finished=True)
    async with stage.running(), in_process(stage) as client:
        coloured = (await client.get(f"{LOG}/search?q=undefined")).json()
        long = (await client.get(f"{LOG}/search?q=NEEDLE")).json()
        nothing = (await client.get(f"{LOG}/search?q=nowhere")).json()
    assert coloured["items"] == [{"line": 1, "text": "undefined: x"}]
    assert long["items"][0]["line"] == 2
    assert "needle" in long["items"][0]["text"]
    assert len(long["items"][0]["text"]) == MAX_TEXT
    assert nothing == {"items": [], "next": None, "total": 0, "bounded": False, "searched": 2}


async def test_a_log_that_is_gone_says_so_by_line_too(stage: Stage) -> None:
    """404 where nothing is kept, and a stream says it at its end; a build that nobody took has no lines yet."""
    await stage.put(broken(queued_build()), queued_build(name="waiting"))
    waiting = queued_build(name="waiting").id
    async with stage.running(), served(stage) as client:
        gone = await client.get(f"{LOG}/lines")
        none = await client.get(f"/api/v1/builds/{waiting}/log/lines")
        async with client.stream("GET", f"{LOG}/stream") as response:
            told = [event async for event in events(response)]
    assert (gone.status_code, gone.json()["code"]) == (404, "not-found")
    assert none.json() == {"first": 1, "lines": [], "total": 0, "complete": False}
    assert [(event.name, event.data) for event in told] == [("end", {"state": "failed", "total": 0, "kept": False})]


async def test_readers_of_one_log_share_what_is_read(stage: Stage) -> None:
    """Many live readers cost the broker one; each gets every line once."""
    await written(stage, "one\n", finished=False)
    reads = 0
    read = stage.logs.read

    def counted(*args: object, **options: object) -> object:
        nonlocal reads
        reads += bool(options.get("follow"))
        return read(*args, **options)  # type: ignore[arg-type]

    stage.logs.read = counted  # type: ignore[assignment]
    async with (
        stage.running(),
        served(stage) as client,
        client.stream("GET", f"{LOG}/stream") as one,
        client.stream("GET", f"{LOG}/stream") as other,
    ):
        streams = events(one), events(other)
        for stream in streams:
            assert (await anext(stream)).data == {"first": 1, "lines": ["one"]}
        await stage.logs.append(RUNNING.id, 1, 1, "two\n")
        for stream in streams:
            assert (await anext(stream)).data == {"first": 2, "lines": ["two"]}
        await stage.logs.append(RUNNING.id, 1, 2, "", end=True)
        await stage.put(lifecycle.cancelled(RUNNING, RUNNING.changed_at))
        for stream in streams:
            assert [event.name async for event in stream] == ["end"]
    assert reads == 1


async def test_a_reader_that_was_away_gets_what_was_stored(stage: Stage) -> None:
    """Lines that only the stored log has come before `end`: none is lost when a builder ends while nobody listens."""
    await written(stage, "one\n", finished=False)
    async with stage.running(), served(stage) as client:
        async with client.stream("GET", f"{LOG}/stream") as response:
            last = (await anext(events(response))).id
        log = await stage.store_log("one\ntwo\nthree\n")
        await stage.put(broken(queued_build(), log))
        await stage.until(lambda: stage.catalog.build(RUNNING.id).state.final)
        async with client.stream("GET", f"{LOG}/stream", headers={"Last-Event-ID": last}) as response:
            rest = [event async for event in events(response)]
    assert rest[0].data == {"first": 2, "lines": ["two", "three"]}
    assert rest[-1].name == "end"


async def test_a_stream_whose_broker_goes_away_is_cut(stage: Stage) -> None:
    """It ends without `end`, so that its reader asks again: it said once that the log was complete."""
    await written(stage, "one\n", finished=False)
    read = stage.logs.read

    async def breaking(*args: object, **options: object) -> AsyncIterator[LogChunk]:
        async for chunk in read(*args, **options):  # type: ignore[arg-type]
            if "two" in chunk.text:
                msg = "the broker is away"
                raise Unreachable(msg)
            yield chunk

    stage.logs.read = breaking  # type: ignore[method-assign]
    async with stage.running(), served(stage) as client, client.stream("GET", f"{LOG}/stream") as response:
        stream = events(response)
        assert (await anext(stream)).data["lines"] == ["one"]
        await stage.logs.append(RUNNING.id, 1, 1, "two\n")
        assert [event.name async for event in stream] == []
