"""What a program and everything it has started take of the machine, and the end of those that take too much.

Memory, processes, written bytes and signs of life are looked at a few times a second through /proc, since the
kernel's own limits count other things: address space (a Go program reserves far more than it uses), the processes of
a whole user, the bytes of a single file. Where there is no /proc, only output and the size of files are bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from wombat_gitops.domain.errors import OverLimit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_POLL: Final = 0.2
_SPACE_POLLS: Final = 5
"""A folder is measured at each such look: that costs more than the others."""
_ROUNDS: Final = 200
"""Looks for what is left after the end; what is killed needs a moment to be gone."""
_ROUND_SECONDS: Final = 0.01
_PROC: Final = Path("/proc")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a program and all that it has started may take together; 0 is no limit.

    Attributes:
        memory: bytes that are in memory; pages that several share count for each.
        processes: at one moment.
        space: bytes of files below the private folder, and of any one file anywhere.
        log: bytes of output.
        silence: seconds in which nothing is written to the output and no processor is used.
    """

    memory: int = 0
    processes: int = 0
    space: int = 0
    log: int = 0
    silence: float = 0.0


UNLIMITED: Final = Limits()


@dataclass(frozen=True, slots=True)
class Process:
    """A line of the census; `ticks` of processor time include those of children that have ended."""

    pid: int
    parent: int
    session: int
    ticks: int
    started: int
    resident: int


def census() -> dict[int, Process]:
    """Every process of the machine that is alive; empty where there is no /proc."""
    found = {}
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(_PROC):  # noqa: PTH208 - hundreds of names, several times a second
            if name.isdigit() and (process := _read(int(name))) is not None:
                found[process.pid] = process
    return found


def _read(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - as above
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    if len(fields) < 22 or fields[0] in b"ZX":  # noqa: PLR2004 - one that ended and waits for its parent
        return None
    ticks = sum(int(field) for field in fields[11:15])
    return Process(pid, int(fields[1]), int(fields[3]), ticks, int(fields[19]), int(fields[21]) * _PAGE)


def end_those_below(folder: Path) -> None:
    """End every program whose private folder (TMPDIR) is below *folder*: what outlived the builder that started it."""
    mark = os.fsencode(f"TMPDIR={folder.absolute()}{os.sep}")
    for _ in range(_ROUNDS):
        left = _with_in_environment(census(), mark)
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_ROUND_SECONDS)


def _with_in_environment(everything: Iterable[int], mark: bytes) -> set[int]:
    found = set()
    for pid in everything:
        with contextlib.suppress(OSError):
            if mark in Path(f"/proc/{pid}/environ").read_bytes() and pid != os.getpid():
                found.add(pid)
    return found


class Watchdog:
    """Watches the session that *leader* leads.

    Args:
        leader: process id, which is also the session's.
        argv0: what the program is called in messages.
        folder: a folder that no other program has, or ""; where it is TMPDIR, it marks the session's own.
    """

    def __init__(self, leader: int, argv0: str, limits: Limits, folder: str) -> None:
        self._leader = leader
        self._argv0 = argv0
        self._limits = limits
        self._folder = folder
        self._seen: dict[int, int] = {}
        self._written = 0
        self._moved_at = time.monotonic()
        self._ticks: dict[int, int] = {}

    def heard(self, count: int) -> None:
        """Note *count* bytes of output.

        Raises:
            OverLimit: that is too much by now.
        """
        self._written += count
        self._moved_at = time.monotonic()
        if self._limits.log and self._written > self._limits.log:
            msg = f"`{self._argv0}` wrote more than {self._limits.log:,} bytes of output"
            raise OverLimit(msg, reason="LogLimit", hint="leave out the package that does so")

    async def run(self) -> NoReturn:
        """Look again and again.

        Raises:
            OverLimit: too much is taken; the caller ends the program.
        """
        looks = 0
        while True:
            self._judge(self._members(await asyncio.to_thread(census)))
            if self._limits.space and self._folder and looks % _SPACE_POLLS == 0:
                self._judge_space(await asyncio.to_thread(_size, Path(self._folder)))
            looks += 1
            await asyncio.sleep(_POLL)

    async def sweep(self) -> None:
        """End what is left of the program, also what left its session or outlived the process that started it."""
        for _ in range(_ROUNDS):
            everything = await asyncio.to_thread(census)
            left = {process.pid for process in self._members(everything)} | self._marked(everything)
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(_ROUND_SECONDS)

    def _members(self, everything: Mapping[int, Process]) -> list[Process]:
        """The processes of the session, what they started, and what was found to be theirs before."""
        children: dict[int, list[int]] = {}
        for process in everything.values():
            children.setdefault(process.parent, []).append(process.pid)
        rest = [process.pid for process in everything.values() if self._is_ours(process)]
        found: dict[int, Process] = {}
        while rest:
            pid = rest.pop()
            if pid not in found:
                found[pid] = everything[pid]
                rest.extend(children.get(pid, ()))
        self._seen = {pid: process.started for pid, process in found.items()}
        return list(found.values())

    def _is_ours(self, process: Process) -> bool:
        return process.session == self._leader or self._seen.get(process.pid) == process.started

    def _marked(self, everything: Iterable[int]) -> set[int]:
        """Processes that have the private folder in their environment."""
        if len(Path(self._folder).parts) < 3:  # noqa: PLR2004 - `/tmp` is everybody's
            return set()
        return _with_in_environment(everything, os.fsencode(f"TMPDIR={self._folder}\0"))

    def _judge(self, members: list[Process]) -> None:
        limits = self._limits
        if limits.processes and len(members) > limits.processes:
            msg = f"`{self._argv0}` ran more than {limits.processes:,} processes at once"
            raise OverLimit(msg, reason="ProcessLimit", hint="a package starts programs without end: leave it out")
        resident = sum(process.resident for process in members)
        if limits.memory and resident > limits.memory:
            msg = f"`{self._argv0}` used more than {limits.memory:,} bytes of memory"
            raise OverLimit(
                msg, reason="OutOfMemory", hint="leave packages out, or allow more on a builder (WOMBAT_MEMORY)"
            )
        self._judge_silence(members)

    def _judge_silence(self, members: list[Process]) -> None:
        ticks = {process.pid: process.ticks for process in members}
        now = time.monotonic()
        if ticks != self._ticks:
            self._ticks, self._moved_at = ticks, now
        silence = self._limits.silence
        if members and silence and now - self._moved_at > silence:
            msg = f"`{self._argv0}` neither wrote nor computed anything for {silence:g} s"
            raise OverLimit(msg, reason="SilentTimeout", hint="it waits for something that does not come; see the log")

    def _judge_space(self, size: int) -> None:
        if size > self._limits.space:
            msg = f"`{self._argv0}` wrote more than {self._limits.space:,} bytes of files"
            raise OverLimit(msg, reason="OutputLimit", hint="leave packages out, or allow more (WOMBAT_OUTPUT)")


def _size(folder: Path) -> int:
    """Bytes that the files below a folder take on the disk; files may come and go meanwhile."""
    total, folders = 0, [str(folder)]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as listing:
            for item in listing:
                with contextlib.suppress(OSError):
                    if item.is_dir(follow_symlinks=False):
                        folders.append(item.path)
                    else:
                        total += item.stat(follow_symlinks=False).st_blocks * 512
    return total
