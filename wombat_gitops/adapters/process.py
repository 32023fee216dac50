"""The one door to other programs.

Every child leads a session of its own, gets its whole environment from the caller, has a deadline,
and is ended together with everything it started: first by SIGTERM, then by SIGKILL. Output is read
by chunk, because asyncio's line reader fails on lines over 64 KiB.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.watchdog import UNLIMITED, Limits, Watchdog
from wombat_gitops.domain.errors import InternalError, NotFound, OverLimit, TimedOut

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from wombat_gitops.ports import Output

OUTPUT_LIMIT: Final = 16 * 1024 * 1024
_CHUNK: Final = 64 * 1024
_LOOK: Final = 0.005
_GRACE: Final = 2.0
"""Seconds between the polite signal and the last one."""


@dataclass(frozen=True, slots=True)
class Cell:
    """How a program is started inside a sandbox, which ends with it.

    Attributes:
        argv: the whole command that makes the sandbox and starts the program in it.
        folder: the program's private folder, as this process sees it.
        descriptors: those that the command inherits.
        grace: seconds that the command needs at least, once it is asked to stop, to end what it has started.
    """

    argv: tuple[str, ...]
    folder: Path
    descriptors: tuple[int, ...] = ()
    grace: float = 0.0


@dataclass(frozen=True, slots=True)
class Captured:
    """What a finished program said; a negative status is the signal that ended it."""

    status: int
    stdout: bytes
    stderr: bytes


class RunningProcess:
    """A program that runs until it ends by itself or is ended."""

    def __init__(self, process: asyncio.subprocess.Process, pump: asyncio.Task[None]) -> None:
        self._process = process
        self._pump = pump

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its process group."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait for the program and the last of its output; returns the exit status."""
        await asyncio.shield(self._pump)
        return await self._process.wait()

    def terminate(self) -> None:
        """Ask the whole group to stop."""
        _signal_group(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the whole group at once."""
        _signal_group(self._process.pid, signal.SIGKILL)


async def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    seconds: float,
    output: Output,
    stdin: bytes | None = None,
    limits: Limits = UNLIMITED,
    cell: Cell | None = None,
) -> int:
    """Run *argv* to its end and return the exit status (negative: the signal that ended it).

    Args:
        env: the whole environment; nothing is inherited, so no credential of ours reaches the child.
        seconds: deadline for the whole run.
        output: gets standard output and standard error, merged, as they come.
        limits: what it and everything it starts may take; anything but no limits also ends what left its session.
        cell: the sandbox that it is started in.

    Raises:
        NotFound: there is no such program.
        OverLimit: it took more than it may; nothing of it is left.
        TimedOut: the deadline passed; the whole group is gone.
    """
    process = await _start(cell.argv if cell else argv, cwd, env, cell, merged=True, stdin=stdin is not None)
    dog = _watchdog(process, argv, limits, env, cell)

    async def sink(data: bytes) -> None:
        if dog is not None:
            dog.heard(len(data))
        await output.write(data)

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(_feed(process, stdin))
            group.create_task(_pump(process.stdout, sink))
        await process.wait()

    await _until_end(process, argv, seconds, _GRACE, work, dog, cell)
    return _status(process)


async def capture(  # noqa: PLR0913 - all but the first are named
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    seconds: float,
    stdin: bytes | None = None,
    limit: int = OUTPUT_LIMIT,
    grace: float = _GRACE,
    memory: int = 0,
    limits: Limits = UNLIMITED,
    cell: Cell | None = None,
) -> Captured:
    """Run *argv* to its end and return what it wrote. Raises as `run` does.

    Args:
        limit: bytes of output, each of the two, at which the program is ended with `InternalError`.
        grace: seconds a program that is ended early has to clean up.
        memory: bytes of address space for it and for each program that it starts, where the system can hold it to
            that; 0 for as much as there is.
        limits: as for `run`.
        cell: as for `run`.
    """
    process = await _start(cell.argv if cell else argv, cwd, env, cell, merged=False, stdin=stdin is not None)
    if memory:
        _bound(process, "RLIMIT_AS", memory)
    dog = _watchdog(process, argv, limits, env, cell)
    stdout, stderr = bytearray(), bytearray()

    def collector(buffer: bytearray) -> Callable[[bytes], Awaitable[None]]:
        async def collect(data: bytes) -> None:
            if dog is not None:
                dog.heard(len(data))
            buffer.extend(data)
            if len(buffer) > limit:
                msg = f"`{argv[0]}` wrote more than {limit} bytes"
                raise InternalError(msg)

        return collect

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(_feed(process, stdin))
            group.create_task(_pump(process.stdout, collector(stdout)))
            group.create_task(_pump(process.stderr, collector(stderr)))
        await process.wait()

    await _until_end(process, argv, seconds, grace, work, dog, cell)
    return Captured(_status(process), bytes(stdout), bytes(stderr))


@asynccontextmanager
async def running(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], output: Output, grace: float = 5.0
) -> AsyncIterator[RunningProcess]:
    """Run a daemon for as long as the context lasts; its whole group is gone afterwards.

    Raises:
        NotFound: there is no such program.
    """
    process = await _start(argv, cwd, env, None, merged=True, stdin=False)
    pump = asyncio.create_task(_pump(process.stdout, output.write), name=f"output of {argv[0]}")
    try:
        yield RunningProcess(process, pump)
    finally:
        await _end(process, grace)
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)


async def _start(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], cell: Cell | None, *, merged: bool, stdin: bool
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(  # noqa: TID251 - this is the door
            *argv,
            cwd=cwd,
            env=dict(env),
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if merged else asyncio.subprocess.PIPE,
            start_new_session=True,
            pass_fds=cell.descriptors if cell else (),
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        msg = f"cannot run `{argv[0]}`: {error.strerror}"
        raise NotFound(msg) from error


def _watchdog(
    process: asyncio.subprocess.Process,
    argv: Sequence[str],
    limits: Limits,
    env: Mapping[str, str],
    cell: Cell | None,
) -> Watchdog | None:
    if limits == UNLIMITED and cell is None:
        return None
    if limits.space and cell is None:
        _bound(process, "RLIMIT_FSIZE", limits.space)
    folder = str(cell.folder) if cell else env.get("TMPDIR", "")
    return Watchdog(process.pid, os.path.basename(argv[0]), limits, folder)  # noqa: PTH119 - a name to show


def _bound(process: asyncio.subprocess.Process, what: str, most: int) -> None:
    """Have the kernel bound a program that runs, and all that it starts from now on; only Linux can."""
    if hasattr(resource, "prlimit"):
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process.pid, getattr(resource, what), (most, most))


async def _until_end(
    process: asyncio.subprocess.Process,
    argv: Sequence[str],
    seconds: float,
    grace: float,
    work: Callable[[], Awaitable[None]],
    dog: Watchdog | None,
    cell: Cell | None,
) -> None:
    try:
        async with asyncio.timeout(seconds):
            await (_watched(work, dog) if dog is not None else work())
    except TimeoutError as error:
        msg = f"`{argv[0]}` did not finish within {seconds:g} s"
        raise TimedOut(msg) from error
    except ExceptionGroup as group:
        first = _first(group)
        if isinstance(first, OverLimit):
            grace = 0  # who takes too much gets no time to take more
        raise first from group
    finally:
        await _end(process, max(grace, cell.grace) if cell else grace)
        if dog is not None:
            await asyncio.shield(dog.sweep())


async def _watched(work: Callable[[], Awaitable[None]], dog: Watchdog) -> None:
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(dog.run())
        await work()
        watching.cancel()


def _first(group: ExceptionGroup[Exception]) -> Exception:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first


async def _end(process: asyncio.subprocess.Process, grace: float) -> None:
    """Make sure that nothing of the group is left, also when we are being cancelled."""
    if process.returncode is None:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(_ended(process), grace)
    _signal_group(process.pid, signal.SIGKILL)
    await asyncio.shield(_ended(process))
    # A pipe that was not read to its end stays open otherwise, and asyncio has no public word for this.
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a program; its own `wait` also waits for output that nobody may read any more."""
    while process.returncode is None:  # noqa: ASYNC110 - there is no event for this
        await asyncio.sleep(_LOOK)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _status(process: asyncio.subprocess.Process) -> int:
    if process.returncode is None:
        msg = "a program that has ended has no exit status"
        raise InternalError(msg)
    return process.returncode


async def _feed(process: asyncio.subprocess.Process, data: bytes | None) -> None:
    if process.stdin is None or data is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _pump(stream: asyncio.StreamReader | None, sink: Callable[[bytes], Awaitable[None]]) -> None:
    if stream is None:
        return
    while data := await stream.read(_CHUNK):
        await sink(data)
