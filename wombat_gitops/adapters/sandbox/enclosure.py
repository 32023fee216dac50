"""A place that one foreign program runs in: it sees what was mounted, reaches nothing else, and leaves nothing behind.

With namespaces each folder has a fixed name inside, so that what a program does and prints does not depend on this
machine. Without them folders keep their names, and every limit that the system knows still holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import struct
import sys
import termios
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from wombat_gitops.adapters import process
from wombat_gitops.adapters.process import Captured, Cell
from wombat_gitops.adapters.sandbox import bubblewrap
from wombat_gitops.adapters.sandbox.bubblewrap import (
    NOBODY,
    SYSTEM,
    Bubblewrap,
    Descriptors,
    Layer,
    Mount,
    View,
    gives_up_root,
)
from wombat_gitops.adapters.sandbox.seccomp import filter_for
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.errors import SandboxFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wombat_gitops.ports import Output

_LAUNCHER: Final = Path(__file__).with_name("confine.py")
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/full")
_DESCRIPTORS: Final = 4096
"""Open files of one program; Go's linker opens each package's archive."""
_FILE_BYTES: Final = 4 << 30
"""Of any one file where a build has no limit of its own."""
_RESERVED: Final = 16 << 30
"""Address space that a program may reserve besides the memory it may use; Go and WebAssembly runtimes reserve much."""
_END_SECONDS: Final = 10.0
"""For the launcher to end what it has started; it takes milliseconds, and seconds for a thousand programs."""
_THREADS: Final = 16
"""Threads for each process that a build may run: the kernel counts these."""

_Started: TypeAlias = "Callable[[int, bytes], None]"
"""Takes the status and the errors of a command that has ended, and raises where the program was never started."""


@dataclass(frozen=True, slots=True)
class Strength:
    """How foreign programs can be contained on this machine.

    Attributes:
        reason: why it is not the strongest level, or "".
        tool: bubblewrap, at that level.
    """

    level: SandboxLevel
    reason: str = ""
    tool: Bubblewrap | None = None


@dataclass(slots=True)
class Enclosure:
    """What one program sees and may write, and the program run in it.

    Attributes:
        scratch: an empty folder of its own, its `/tmp` and its home.
        system: it also needs the system's programs and libraries, as C compilers and what they link do.
    """

    strength: Strength
    scratch: Path
    system: bool = False
    _view: View = field(init=False)

    def __post_init__(self) -> None:
        self._view = View(self.scratch.absolute(), system=self.system)
        give_to_sandbox(self._view.scratch)

    @property
    def _namespaces(self) -> bool:
        return self.strength.level is SandboxLevel.BUBBLEWRAP

    @property
    def temporary(self) -> str:
        """The name of its scratch folder inside."""
        return "/tmp" if self._namespaces else str(self._view.scratch)  # noqa: S108 - its own

    def read(self, source: Path, target: str) -> str:
        """Show a folder or file; returns its name inside."""
        return self._mount(Mount(source.absolute(), target))

    def write(self, source: Path, target: str) -> str:
        """Let a folder be written to; returns its name inside."""
        give_to_sandbox(source.absolute())
        return self._mount(Mount(source.absolute(), target, writable=True))

    def layer(self, lower: Path, folder: Path, target: str) -> str:
        """Show *lower* as if it could be written to; returns its name inside.

        What is written goes to `up` below *folder*, and *lower* stays as it is. Files can be added to those of its
        folders that were given to the sandbox.
        """
        layer = Layer(lower.absolute(), folder.absolute(), target)
        up = layer.folder / "up"
        for each in (layer.folder, up, layer.folder / "work"):
            each.mkdir(parents=True, exist_ok=True)
            give_to_sandbox(each)
        if self._namespaces:
            self._view.layers.append(layer)
            return target
        shutil.copytree(layer.lower, up, dirs_exist_ok=True)
        for root, _, files in os.walk(up):
            for name in (".", *files):
                give_to_sandbox(Path(root, name))
        return self._mount(Mount(up, target, writable=True))

    def _mount(self, mount: Mount) -> str:
        self._view.mounts.append(mount)
        return mount.target if self._namespaces else str(mount.source)

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        seconds: float,
        output: Output,
        limits: Limits = UNLIMITED,
    ) -> int:
        """Run a program as `process.run` does; *argv*, *cwd* and *env* are as the sandbox sees them.

        Raises:
            SandboxFailed: the sandbox could not be made; the program was not started.
        """
        with self._cell(argv, cwd, env, seconds, limits) as (cell, started):
            status = await process.run(
                argv, cwd=Path("/"), env={}, seconds=seconds, output=output, limits=limits, cell=cell
            )
            started(status, b"")
        return _of_program(status)

    async def capture(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        seconds: float,
        stdin: bytes | None = None,
        limit: int = process.OUTPUT_LIMIT,
        limits: Limits = UNLIMITED,
    ) -> Captured:
        """Run a program as `process.capture` does. Raises `SandboxFailed` as `run` does."""
        with self._cell(argv, cwd, env, seconds, limits) as (cell, started):
            answer = await process.capture(
                argv, cwd=Path("/"), env={}, seconds=seconds, stdin=stdin, limit=limit, limits=limits, cell=cell
            )
            started(answer.status, answer.stderr)
        return replace(answer, status=_of_program(answer.status))

    @contextlib.contextmanager
    def _cell(
        self, argv: Sequence[str], cwd: str, env: Mapping[str, str], seconds: float, limits: Limits
    ) -> Iterator[tuple[Cell, _Started]]:
        bounds = _bounds(limits, seconds)
        if self._namespaces:
            with self._bubblewrapped(argv, cwd, env, bounds) as cell:
                yield cell
        elif sys.platform == "linux":
            with self._launched(argv, cwd, env, bounds) as cell:
                yield cell
        else:
            yield (
                Cell(
                    ("/usr/bin/env", "-C", cwd, "-i", *(f"{k}={v}" for k, v in env.items()), *argv), self._view.scratch
                ),
                _fine,
            )

    @contextlib.contextmanager
    def _bubblewrapped(
        self, argv: Sequence[str], cwd: str, env: Mapping[str, str], bounds: Mapping[str, int]
    ) -> Iterator[tuple[Cell, _Started]]:
        """Bubblewrap reads a byte once the sandbox is finished.

        Whether it has read it tells a sandbox that could not be made from a program that fails.
        """
        if self.strength.tool is None:
            msg = "there is no bubblewrap to make the sandbox with"
            raise SandboxFailed(msg)
        with contextlib.ExitStack() as open_files:
            seccomp = _memory_file(open_files, filter_for(namespaces=True))
            waiting, go_on = os.pipe()
            open_files.callback(os.close, waiting)
            os.write(go_on, b"!")
            os.close(go_on)
            limits = {name.removeprefix("RLIMIT_").lower(): most for name, most in bounds.items()}
            fds = Descriptors(waiting, seccomp)
            whole = bubblewrap.command(self.strength.tool, self._view, tuple(argv), cwd, env, limits, fds)

            def started(status: int, errors: bytes) -> None:
                unread = struct.unpack("i", fcntl.ioctl(waiting, termios.FIONREAD, bytes(4)))[0]
                if status and unread:
                    last = errors.decode(errors="replace").strip().rpartition("\n")[2]
                    msg = f"the sandbox could not be made{f': {last}' if last else ''}"
                    raise SandboxFailed(msg, hint="`wombat doctor` says what this machine lacks")

            yield Cell(whole, self._view.scratch, (waiting, seccomp)), started

    @contextlib.contextmanager
    def _launched(
        self, argv: Sequence[str], cwd: str, env: Mapping[str, str], bounds: Mapping[str, int]
    ) -> Iterator[tuple[Cell, _Started]]:
        system = [*SYSTEM, "/etc/ld.so.cache", "/etc/alternatives"] if self.system else []
        readable = [str(mount.source) for mount in self._view.mounts if not mount.writable]
        writable = [str(mount.source) for mount in self._view.mounts if mount.writable]
        job = {
            "argv": list(argv),
            "cwd": cwd,
            "env": dict(env),
            "limits": dict(bounds),
            "read": [*readable, *(name for name in system if Path(name).exists())],
            "write": [str(self._view.scratch), *writable, *(name for name in _DEVICES if Path(name).exists())],
            "landlock": self.strength.level is SandboxLevel.LANDLOCK,
            "seccomp": filter_for(namespaces=self.strength.level is SandboxLevel.NONE).hex(),
            "nobody": NOBODY if gives_up_root() else 0,
            "parent": os.getpid(),
        }
        with contextlib.ExitStack() as open_files:
            descriptor = _memory_file(open_files, json.dumps(job).encode())
            whole = (sys.executable, "-I", "-S", str(_LAUNCHER), str(descriptor))
            yield Cell(whole, self._view.scratch, (descriptor,), _END_SECONDS), _fine


def _fine(_status: int, _errors: bytes) -> None:
    """Nothing can have gone wrong before the program was started."""


def _of_program(status: int) -> int:
    """What stands around a program tells the signal that ended it as a shell does; negative here, as elsewhere."""
    return 128 - status if 128 < status <= 128 + signal.NSIG else status  # noqa: PLR2004


def _bounds(limits: Limits, seconds: float) -> dict[str, int]:
    """The kernel's own limits, behind those that are watched: they hold also between two looks."""
    bounds = {
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": _DESCRIPTORS,
        "RLIMIT_FSIZE": limits.space or _FILE_BYTES,
        "RLIMIT_CPU": int(seconds * (os.cpu_count() or 1)) + 5,
        "RLIMIT_NPROC": (limits.processes or 1024) * _THREADS,
    }
    return bounds | ({"RLIMIT_AS": limits.memory + _RESERVED} if limits.memory else {})


def _memory_file(open_files: contextlib.ExitStack, data: bytes) -> int:
    descriptor = os.memfd_create("wombat", 0)
    open_files.callback(os.close, descriptor)
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def give_to_sandbox(folder: Path) -> None:
    """Let the sandbox' user write to a folder: root's sandboxes run as nobody."""
    if gives_up_root():
        os.chown(folder, NOBODY, NOBODY)


def is_given_to_sandbox(folder: Path) -> bool:
    """Whether the sandbox' user owns a folder: it may have been made by a process of another user."""
    return not gives_up_root() or folder.stat().st_uid == NOBODY
