"""The door to other programs: output, deadlines, and nothing left behind."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from wombat_gitops.adapters import process
from wombat_gitops.domain.errors import InternalError, NotFound, TimedOut

ENV = {"PATH": "/usr/bin:/bin"}


class Collected:
    """Keeps what was written and can be waited for."""

    def __init__(self) -> None:
        self.data = b""
        self.changed = asyncio.Event()

    async def write(self, data: bytes) -> None:
        self.data += data
        self.changed.set()

    async def until(self, size: int) -> None:
        async with asyncio.timeout(60):
            while len(self.data) < size:
                self.changed.clear()
                await self.changed.wait()


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits for its parent does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def gone(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    async with asyncio.timeout(60):
        while alive(pid):
            await asyncio.sleep(0.01)


async def test_output_and_status(tmp_path: Path) -> None:
    """Both streams reach the output, and the exit status is returned."""
    out = Collected()
    status = await process.run(
        ["sh", "-c", "echo one; echo two >&2; exit 7"], cwd=tmp_path, env=ENV, seconds=10, output=out
    )
    assert status == 7
    assert sorted(out.data.split()) == [b"one", b"two"]


async def test_environment_is_whole(tmp_path: Path) -> None:
    """Nothing of our own environment reaches a child."""
    os.environ["WOMBAT_CANARY"] = "secret"
    try:
        done = await process.capture(["/usr/bin/env"], cwd=tmp_path, env={"A": "b"}, seconds=10)
    finally:
        del os.environ["WOMBAT_CANARY"]
    assert done.stdout.split() == [b"A=b"]


async def test_input_and_very_long_lines(tmp_path: Path) -> None:
    """A line of a megabyte comes back as it was sent."""
    data = b"x" * (1 << 20)
    done = await process.capture(["cat"], cwd=tmp_path, env=ENV, seconds=10, stdin=data)
    assert done.status == 0
    assert done.stdout == data


async def test_program_that_reads_nothing(tmp_path: Path) -> None:
    """Input nobody reads is no error."""
    done = await process.capture(["true"], cwd=tmp_path, env=ENV, seconds=10, stdin=b"x" * (1 << 20))
    assert done.status == 0


async def test_missing_program(tmp_path: Path) -> None:
    """A program that is not there is named."""
    with pytest.raises(NotFound, match="no-such-program"):
        await process.capture(["no-such-program"], cwd=tmp_path, env=ENV, seconds=10)


async def test_deadline_ends_grandchildren(tmp_path: Path) -> None:
    """What the child has started ends with it when time is up."""
    out = Collected()
    with pytest.raises(TimedOut):
        await process.run(["sh", "-c", "sleep 600 & echo $!; wait"], cwd=tmp_path, env=ENV, seconds=0.5, output=out)
    await gone(int(out.data))


async def test_grandchild_that_ignores_the_signal(tmp_path: Path) -> None:
    """A process that ignores SIGTERM is killed, also when its parent obeyed."""
    out = Collected()
    script = "(trap '' TERM; exec sleep 600) & echo $!; wait"
    with pytest.raises(TimedOut):
        await process.run(["sh", "-c", script], cwd=tmp_path, env=ENV, seconds=0.5, output=out)
    await gone(int(out.data))


async def test_cancel_ends_the_group(tmp_path: Path) -> None:
    """Cancelling the caller leaves no process."""
    out = Collected()
    task = asyncio.create_task(
        process.run(["sh", "-c", "sleep 600 & echo $!; wait"], cwd=tmp_path, env=ENV, seconds=60, output=out)
    )
    await out.until(2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(int(out.data))


async def test_flood_is_cut(tmp_path: Path) -> None:
    """Output without end is ended."""
    with pytest.raises(InternalError, match="wrote more than"):
        await process.capture(["yes"], cwd=tmp_path, env=ENV, seconds=30, limit=100_000)


async def test_daemon_ends_with_its_context(tmp_path: Path) -> None:
    """A daemon lives as long as its context."""
    out = Collected()
    async with process.running(["sh", "-c", "echo up; exec sleep 600"], cwd=tmp_path, env=ENV, output=out) as daemon:
        await out.until(3)
        assert alive(daemon.pid)
    assert not alive(daemon.pid)


async def test_daemon_that_ends_by_itself(tmp_path: Path) -> None:
    """The end of a daemon can be waited for."""
    out = Collected()
    async with process.running(["sh", "-c", "echo bye; exit 3"], cwd=tmp_path, env=ENV, output=out) as daemon:
        assert await daemon.wait() == 3
    assert out.data == b"bye\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the memory of a program that runs")
async def test_memory_is_bounded(tmp_path: Path) -> None:
    """A program that wants more gets no more, and says so itself."""
    script = "import sys; sys.stdin.read(); bytearray(500_000_000)"
    argv = [sys.executable, "-c", script]
    done = await process.capture(argv, cwd=tmp_path, env=ENV, seconds=60, stdin=b"", memory=300_000_000)
    assert done.status == 1
    assert b"MemoryError" in done.stderr
