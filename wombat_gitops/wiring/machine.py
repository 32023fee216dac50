"""What every role takes from the machine: clocks, randomness, names, and where Go modules come from."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import platform
import secrets
import socket
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops import __version__
from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.golang.compiler import GoCompiler
from wombat_gitops.adapters.golang.environment import find_c_compiler
from wombat_gitops.adapters.golang.inspector import GoInspector
from wombat_gitops.adapters.golang.network import go_network
from wombat_gitops.adapters.golang.package_index import GoPackageIndex
from wombat_gitops.adapters.golang.resolver import GoResolver
from wombat_gitops.adapters.golang.selftest import GoSelfTest
from wombat_gitops.adapters.golang.toolchain import Toolchains, host_platform
from wombat_gitops.adapters.golang.versions import GoVersions
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.adapters.watchdog import Limits
from wombat_gitops.domain.capability import Capabilities, SandboxLevel
from wombat_gitops.domain.catalogue import RolePresence
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.ports import Compiler, Inspector, ModuleVersions, PackageIndex, Resolver
from wombat_gitops.services.builder import Chance, Identity
from wombat_gitops.services.disk import space_in
from wombat_gitops.services.inspected import InspectedResolver
from wombat_gitops.settings import go_environment, list_of, search_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from wombat_gitops.services.room import RoomCheck
    from wombat_gitops.settings import Settings

_CONTAINER_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_TEMPORARY_BYTES: Final = 32 * 1024**2
"""Room for temporary files that a builder needs besides its data folder, for the test of its machine."""
_LOG_BYTES: Final = 64 * 1024**2
"""Output after which a step is ended; a log keeps a sixth of it, and a build of all there is writes a megabyte."""


def now() -> datetime:
    """The wall clock, UTC."""
    return datetime.now(UTC)


monotonic = time.monotonic


def chance(room: RoomCheck | None = None) -> Chance:
    """The real clock and real randomness."""
    return Chance(clock=now, new_mark=lambda: secrets.token_hex(8), room=room)


def builder_id(name: str = "") -> str:
    """An id `<name>.<start>` that no other builder has, also not this one after its next start.

    Args:
        name: what the operator calls the builder; "" for the name of the host.
    """
    if not name:
        host = "".join(char if char.isalnum() and char.isascii() else "-" for char in socket.gethostname().lower())
        name = host[:40] or "builder"
    return f"{name}.{os.getpid()}-{secrets.token_hex(3)}"


def presence(role: str) -> Callable[[], RolePresence]:
    """Describes this process as one of a role, whenever it is asked."""
    who = RolePresence(builder_id(), role, socket.gethostname(), __version__, now(), now())
    return lambda: replace(who, renewed_at=now())


def instance() -> str:
    """This process, among all that log and are scraped."""
    return f"{socket.gethostname()}.{os.getpid()}"


@functools.cache
def _sandbox(path: str, *, required: bool) -> Sandbox:
    return Sandbox(path, required=required)


def sandbox(settings: Settings) -> Sandbox:
    """What contains foreign code here; tried once in a process."""
    return _sandbox(search_path(), required=settings.sandbox == "required")


async def weakness(settings: Settings) -> str:
    """Why foreign code is not contained here as it should be, and what it could do then; "" where it is."""
    strength = await sandbox(settings).strength()
    match strength.level:
        case SandboxLevel.BUBBLEWRAP:
            return ""
        case SandboxLevel.LANDLOCK:
            return f"packages are built and run without namespaces, contained by Landlock alone: {strength.reason}"
        case SandboxLevel.NONE:
            return f"packages are built and run without a sandbox, with all rights of this user: {strength.reason}"


async def identity(settings: Settings) -> Identity:
    """Who the builder of this process is, and what it can do.

    Raises:
        Refused: a sandbox is required, and this machine has none that is strong enough.
    """
    level = (await sandbox(settings).strength()).level
    can = replace(capabilities(settings), sandbox=level.value)
    return Identity(builder_id(settings.builder_name), socket.gethostname(), __version__, settings.workers, can)


def capabilities(settings: Settings) -> Capabilities:
    """What this machine can do for builds, as far as it can be seen, within what the settings say."""
    labels = tuple(sorted((key, value) for key, _, value in (each.partition("=") for each in list_of(settings.labels))))
    memory = int(settings.memory) or memory_bytes() // settings.workers
    cgo = ("/".join(host_platform()),) if find_c_compiler() is not None else ()
    return Capabilities(list_of(settings.platforms), cgo, memory, labels)


def memory_bytes() -> int:
    """Memory of this machine, or of the container it runs in; 0 where that cannot be told."""
    with contextlib.suppress(OSError, ValueError):
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        for limit in _CONTAINER_LIMITS:
            with contextlib.suppress(OSError, ValueError):
                whole = min(whole, int(limit.read_text()))
        return whole
    return 0


def native_platform() -> Platform:
    """The platform of this machine, as Go calls it.

    Raises:
        ValueError: this machine is of a kind no manifest can name.
    """
    machine = platform.machine().lower()
    arch = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "i686": "386"}.get(
        machine, machine
    )
    return Platform.parse(f"{platform.system().lower()}/{arch}")


@dataclass(frozen=True, slots=True)
class GoTools:
    """Everything that is done with Go on this machine, over the same toolchains, caches and network."""

    compiler: Compiler
    resolver: Resolver
    versions: ModuleVersions
    inspector: Inspector
    packages: PackageIndex


async def go_tools(settings: Settings) -> GoTools:
    """The Go tools with their caches in the data folder, and modules from where this machine gets them."""
    data = settings.data / "go"
    toolchains = Toolchains(data, search_path())
    network = await go_network(go_environment(), search_path())
    with contextlib.suppress(FileNotFoundError):  # another process may be at it, too
        await asyncio.to_thread(remove_tree, data / "cache")  # of a version whose builds could write to it
    inspector = GoInspector(toolchains, data, network, sandbox(settings), limits=limits(settings))
    return GoTools(
        GoCompiler(toolchains, data, network, limits(settings), sandbox(settings)),
        InspectedResolver(GoResolver(toolchains, data, network), inspector),
        GoVersions(toolchains, data, network),
        inspector,
        GoPackageIndex(toolchains, data, network, sandbox(settings), limits(settings)),
    )


def limits(settings: Settings) -> Limits:
    """What the programs of one build may take; the log of a build is bounded as a defence, not for people to set."""
    return Limits(
        memory=settings.memory or memory_bytes() * 9 // 10,
        processes=settings.processes,
        space=settings.output,
        log=_LOG_BYTES,
        silence=settings.silence,
    )


def room(settings: Settings) -> RoomCheck:
    """Measures the folders that a builder writes to."""
    data, temporary, needed = settings.data.absolute(), Path(tempfile.gettempdir()), int(settings.min_free)
    return lambda: (
        space_in("data folder", data, needed),
        space_in("folder for temporary files", temporary, min(needed, _TEMPORARY_BYTES)),
    )


def self_test(settings: Settings) -> GoSelfTest:
    """A builder's test of its machine."""
    return GoSelfTest(settings.data / "go", search_path(), sandbox(settings))


async def compiler(settings: Settings) -> Compiler:
    """The Go compiler."""
    return (await go_tools(settings)).compiler


async def resolver(settings: Settings) -> Resolver:
    """The resolver for locks, which refuses packages that are of no use."""
    return (await go_tools(settings)).resolver


async def inspector(settings: Settings) -> Inspector:
    """The inspector of programs."""
    return (await go_tools(settings)).inspector
