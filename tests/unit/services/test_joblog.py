"""The log of an attempt: whole lines, in order, none lost, and nobody is slowed down."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wombat_gitops.adapters.memory import MemoryLogs
from wombat_gitops.domain.errors import Unreachable
from wombat_gitops.services import joblog
from wombat_gitops.services.joblog import JobLog


async def published(logs: MemoryLogs) -> str:
    return "".join([chunk.text async for chunk in logs.read("b", 1)])


class SlowLogs(MemoryLogs):
    """A stream that gives the writer a turn before it takes a chunk, as a broker does."""

    def __init__(self) -> None:
        super().__init__()
        self.on_append: list[JobLog] = []
        self.failures = 0

    async def append(self, build: str, attempt: int, index: int, text: str, *, end: bool = False) -> None:
        await asyncio.sleep(0)
        if self.on_append:
            await self.on_append.pop().write(b"written while a chunk was on its way\n")
        if self.failures:
            self.failures -= 1
            raise Unreachable("away")
        await super().append(build, attempt, index, text, end=end)


async def test_written_while_publishing(tmp_path: Path) -> None:
    """regression: a line that came while a chunk was on its way made the publisher spin for ever."""
    logs = SlowLogs()
    log = JobLog(tmp_path / "log", logs, "b", 1)
    logs.on_append.append(log)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(log.publish())
        await log.write(b"first\n")
        while logs.on_append:
            await asyncio.sleep(0)
        log.end()
    assert await published(logs) == "first\nwritten while a chunk was on its way\n"


async def test_outage_loses_no_line(tmp_path: Path) -> None:
    """A stream that is away for a while gets everything afterwards, once."""
    logs = SlowLogs()
    logs.failures = 2
    log = JobLog(tmp_path / "log", logs, "b", 1)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(log.publish())
        await log.write(b"one\ntwo\n")
        while logs.failures:
            await asyncio.sleep(0.01)
        await log.write(b"three\n")
        log.end()
    assert await published(logs) == "one\ntwo\nthree\n"
    assert (tmp_path / "log").read_text() == "one\ntwo\nthree\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=50)
@given(st.lists(st.binary(max_size=80), max_size=30))
def test_any_cuts(tmp_path: Path, pieces: list[bytes]) -> None:
    """However output is cut, the stream ends up with the same text as the file."""

    async def write() -> str:
        logs = MemoryLogs()
        log = JobLog(tmp_path / "log", logs, "b", 1)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(log.publish())
            for piece in pieces:
                await log.write(piece)
            log.end()
        return await published(logs)

    text = asyncio.run(write())
    assert text.encode() == (tmp_path / "log").read_bytes()
    assert text == "" or text.endswith("\n")


async def test_endless_line_is_cut(tmp_path: Path) -> None:
    """A line without end does not fill the memory."""
    log = JobLog(tmp_path / "log", MemoryLogs(), "b", 1)
    for _ in range(10):
        await log.write(b"x" * 10_000)
    log.end()
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) > 1
    assert sum(map(len, lines)) == 100_000


async def test_log_has_a_limit(tmp_path: Path) -> None:
    """A flood ends with a line that says so."""
    log = JobLog(tmp_path / "log", MemoryLogs(), "b", 1)
    line = b"y" * 1023 + b"\n"
    for _ in range(joblog.MAX_LOG_BYTES // len(line) + 10):
        await log.write(line)
    assert log.tail(1) == ("(the log is cut here: it is larger than 10 MiB)",)
    log.end()
    text = (tmp_path / "log").read_text()
    assert text.endswith("larger than 10 MiB)\n")
    assert len(text) < joblog.MAX_LOG_BYTES + 100
