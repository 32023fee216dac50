"""Limits on what a program and everything it starts take; nothing of it is left behind."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.support.hostile import programs_in
from wombat_gitops.adapters import process
from wombat_gitops.adapters.watchdog import Limits, census
from wombat_gitops.domain.errors import OverLimit

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a program takes")

MIB = 1 << 20
HOARDS = "import time; hoard = bytearray(400_000_000); time.sleep(600)"
FORKS = "for count in $(seq 60); do setsid sleep 600 & done; wait"
FILES = "for count in $(seq 300); do head -c 5000000 /dev/zero > $TMPDIR/$count; sleep 0.05; done"


class Nobody:
    """An output nobody reads."""

    async def write(self, data: bytes) -> None:
        """Take some output."""


async def taking(folder: Path, argv: list[str], limits: Limits, seconds: float = 30) -> int:
    env = {"PATH": "/usr/bin:/bin", "TMPDIR": str(folder)}
    return await process.run(argv, cwd=folder, env=env, seconds=seconds, output=Nobody(), limits=limits)


@pytest.mark.parametrize(
    ("argv", "limits", "reason"),
    [
        ([sys.executable, "-c", HOARDS], Limits(memory=200 * MIB), "OutOfMemory"),
        (["sh", "-c", FORKS], Limits(processes=30), "ProcessLimit"),
        (["sh", "-c", FILES], Limits(space=50 * MIB), "OutputLimit"),
        (["yes"], Limits(log=10 * MIB), "LogLimit"),
        (["sleep", "600"], Limits(silence=0.5), "SilentTimeout"),
        (["sh", "-c", "trap '' TERM; yes"], Limits(log=10 * MIB), "LogLimit"),
    ],
    ids=["memory", "processes", "files", "log", "silence", "stubborn"],
)
async def test_who_takes_too_much_is_ended(tmp_path: Path, argv: list[str], limits: Limits, reason: str) -> None:
    """The error names the limit; the program and what left its session are gone when it is raised."""
    with pytest.raises(OverLimit) as caught:
        await taking(tmp_path, argv, limits)

    assert caught.value.reason == reason
    assert caught.value.hint
    assert not programs_in(tmp_path)


async def test_a_program_that_computes_is_not_silent(tmp_path: Path) -> None:
    """A compiler says nothing for minutes; that it uses a processor is sign enough."""
    end = "import time; end = time.monotonic() + 1.5\nwhile time.monotonic() < end: pass"
    assert await taking(tmp_path, [sys.executable, "-c", end], Limits(silence=0.7)) == 0


async def test_a_program_that_writes_is_not_silent(tmp_path: Path) -> None:
    """Neither is one that says something now and then."""
    says = "for count in 1 2 3 4 5; do echo $count; sleep 0.3; done"
    assert await taking(tmp_path, ["sh", "-c", says], Limits(silence=0.7)) == 0


async def test_a_daemon_is_ended_with_the_program_that_left_it(tmp_path: Path) -> None:
    """A process in a session of its own, whose parents are gone, is found by its private folder."""
    leaves = "(setsid sleep 600 </dev/null >/dev/null 2>&1 &); true"
    assert await taking(tmp_path, ["sh", "-c", leaves], Limits(processes=100)) == 0
    assert not programs_in(tmp_path)


async def test_others_are_left_alone(tmp_path: Path) -> None:
    """What belongs to another program with another folder goes on."""
    (tmp_path / "other").mkdir()
    env = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path / "other")}
    async with process.running(["sleep", "600"], cwd=tmp_path, env=env, output=Nobody()) as other:
        assert await taking(tmp_path, ["true"], Limits(processes=100)) == 0
        assert other.pid in census()


async def test_a_largest_file_is_held_by_the_kernel(tmp_path: Path) -> None:
    """However fast it is written, no file is larger than the limit."""
    writes = "sleep 0.1; exec head -c 5000000000 /dev/zero > $TMPDIR/large"
    status = await taking(tmp_path, ["sh", "-c", writes], Limits(space=50 * MIB))

    assert status == -25
    assert (tmp_path / "large").stat().st_size == 50 * MIB


def test_a_census_is_cheap_enough_to_be_taken_often() -> None:
    """It holds at least this process, with its memory; its cost is printed."""
    begun = time.perf_counter()
    found = census()
    print(f"{len(found)} processes in {(time.perf_counter() - begun) * 1000:.1f} ms")
    assert found[os.getpid()].resident > MIB
