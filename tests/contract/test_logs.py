"""What every `ports.LogStream` does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.broker import TestBroker, prepared
from wombat_gitops.adapters.memory import MemoryLogs
from wombat_gitops.adapters.nats.logs import NatsLogs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from wombat_gitops.ports import LogChunk, LogStream

BUILD = "ab" * 32


@pytest.fixture(params=["memory", "nats"])
async def logs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LogStream]:
    if request.param == "memory":
        yield MemoryLogs()
        return
    broker = await TestBroker(tmp_path / "broker").start()
    try:
        async with prepared(broker) as connection:
            yield NatsLogs(connection)
    finally:
        await broker.stop()


async def read(logs: LogStream, *, after: int = 0, follow: bool = False, attempt: int = 1) -> list[LogChunk]:
    async with asyncio.timeout(60):
        return [chunk async for chunk in logs.read(BUILD, attempt, after=after, follow=follow)]


def texts(chunks: list[LogChunk]) -> list[str]:
    return [chunk.text for chunk in chunks]


async def test_chunks_come_in_order_with_growing_sequences(logs: LogStream) -> None:
    for index in range(5):
        await logs.append(BUILD, 1, index, f"line {index}\n")

    chunks = await read(logs)

    assert texts(chunks) == [f"line {index}\n" for index in range(5)]
    assert [chunk.sequence for chunk in chunks] == sorted({chunk.sequence for chunk in chunks})


async def test_a_log_nobody_wrote_is_empty(logs: LogStream) -> None:
    assert await read(logs) == []


async def test_a_chunk_sent_twice_is_there_once(logs: LogStream) -> None:
    for _ in range(2):
        await logs.append(BUILD, 1, 0, "first\n")
        await logs.append(BUILD, 1, 1, "second\n", end=True)

    chunks = await read(logs)

    assert texts(chunks) == ["first\n", "second\n"]
    assert [chunk.end for chunk in chunks] == [False, True]


async def test_reading_goes_on_behind_a_sequence(logs: LogStream) -> None:
    for index in range(4):
        await logs.append(BUILD, 1, index, f"line {index}\n")
    second = (await read(logs))[1]

    assert texts(await read(logs, after=second.sequence)) == ["line 2\n", "line 3\n"]


async def test_attempts_have_logs_of_their_own(logs: LogStream) -> None:
    await logs.append(BUILD, 1, 0, "one\n")
    await logs.append(BUILD, 2, 0, "two\n")

    assert texts(await read(logs, attempt=2)) == ["two\n"]


async def test_a_reader_that_follows_sees_chunks_as_they_come_and_the_end(logs: LogStream) -> None:
    await logs.append(BUILD, 1, 0, "before\n")
    seen: list[str] = []
    async with asyncio.timeout(60):
        async for chunk in logs.read(BUILD, 1, follow=True):
            seen.append(chunk.text)
            if chunk.text == "before\n":
                await logs.append(BUILD, 1, 1, "during\n")
            elif chunk.text == "during\n":
                await logs.append(BUILD, 1, 2, "", end=True)
    assert seen == ["before\n", "during\n", ""]


async def test_following_an_ended_log_ends(logs: LogStream) -> None:
    await logs.append(BUILD, 1, 0, "only\n", end=True)

    chunks = await read(logs, follow=True)

    assert texts(chunks) == ["only\n"]
    assert await read(logs, after=chunks[-1].sequence, follow=True) == []


async def test_a_log_of_many_chunks_is_read_whole(logs: LogStream) -> None:
    text = "x" * 20_000 + "\n"
    for start in range(0, 400, 40):
        await asyncio.gather(*(logs.append(BUILD, 1, index, text) for index in range(start, start + 40)))
    await logs.append(BUILD, 1, 400, "", end=True)

    assert len(await read(logs)) == len(await read(logs, follow=True)) == 401
