"""Programs that try to outlive the sandbox they were started in.

Injected: programs that start others in sessions of their own, with another name and environment, that ignore every
signal, and that start successors faster than anybody can look. Expected: a moment after the end none of them is alive,
whether the program ended, took too much, was given up, or its builder was killed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hostile.packages import sandbox_at
from wombat_gitops.adapters.golang.program import BuiltProgram
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.errors import OverLimit, TimedOut

ROOT = Path(__file__).parents[2]
KINDS = ("double", "relay", "bomb")
_GONE_SECONDS = 30.0


def alive(token: str) -> list[int]:
    """Programs of that name, in whatever namespace."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if token.encode() in (folder / "cmdline").read_bytes() and int(folder.name) != os.getpid():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def daemon_orders(token: str, then: str) -> dict[str, str]:
    """Orders to start one daemon of each kind, and what to do then."""
    lines = [f"{kind}\tdaemon\t{kind}\t{token}-{kind}" for kind in KINDS]
    return {"orders.txt": "\n".join([*lines, f"then\t{then}", ""])}


@pytest.fixture
def token() -> str:
    """A word that names the daemons of one test."""
    return secrets.token_hex(8)


async def test_daemons_end_with_their_program(probes: Path, tmp_path: Path, level: SandboxLevel, token: str) -> None:
    """The program ends well, and what it has started ends with it."""
    program = BuiltProgram(probes, tmp_path / "place", sandbox_at(level))

    answer = await program.run(["--version"], seconds=60, limit=1 << 20, files=daemon_orders(token, "user"))

    assert answer.status == 0, answer.stderr
    assert answer.stdout.count(b"\tdone\t") == len(KINDS) + 1
    assert alive(token) == []
    assert list((tmp_path / "place").iterdir()) == []


@pytest.mark.parametrize(
    ("then", "seconds", "limits", "error"),
    [
        ("flood", 60.0, Limits(log=1 << 20), OverLimit),
        ("wait", 60.0, Limits(processes=40), OverLimit),
        ("wait", 8.0, UNLIMITED, TimedOut),
    ],
    ids=["output", "processes", "time"],
)
async def test_daemons_end_with_a_program_that_is_ended(
    probes: Path,
    tmp_path: Path,
    level: SandboxLevel,
    token: str,
    then: str,
    seconds: float,
    limits: Limits,
    error: type[Exception],
) -> None:
    """Whatever it is ended for."""
    program = BuiltProgram(probes, tmp_path / "place", sandbox_at(level), limits)

    with pytest.raises(error):
        await program.run(["--version"], seconds=seconds, limit=1 << 30, files=daemon_orders(token, then))

    assert alive(token) == []
    assert list((tmp_path / "place").iterdir()) == []


def test_daemons_end_with_a_builder_that_is_killed(
    probes: Path, tmp_path: Path, level: SandboxLevel, token: str
) -> None:
    """After `kill -9` there is no builder to clean up: the kernel, or the launcher, has to."""
    job = [sys.executable, "-m", "tests.hostile.test_daemons", str(probes), str(tmp_path / "place"), level.value]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([*job, token], cwd=ROOT, env=env) as builder:
        _until(lambda: len({*alive(f"{token}-bomb")} - {builder.pid}) > 4)
        builder.send_signal(signal.SIGKILL)
    _until(lambda: not alive(token))


def _until(holds: object) -> None:
    """Wait for what happens in other processes."""
    end = time.monotonic() + _GONE_SECONDS
    assert callable(holds)
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


async def _run(program: str, place: str, level: str, token: str) -> None:
    built = BuiltProgram(Path(program), Path(place), sandbox_at(SandboxLevel(level)))
    await built.run(["--version"], seconds=60, limit=1 << 20, files=daemon_orders(token, "wait"))


if __name__ == "__main__":
    asyncio.run(_run(*sys.argv[1:]))
