"""How foreign code is contained on this machine: the strongest way that works, tried once and then known."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.sandbox import bubblewrap
from wombat_gitops.adapters.sandbox.bubblewrap import SYSTEM_PATH
from wombat_gitops.adapters.sandbox.confine import landlock_version
from wombat_gitops.adapters.sandbox.enclosure import Enclosure, Strength
from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.errors import Refused, WombatError

if TYPE_CHECKING:
    from wombat_gitops.adapters.sandbox.bubblewrap import Bubblewrap

_TRY_SECONDS: Final = 10.0
_PROCESSES: Final = "/proc/self/ns/pid"
"""Leads to the name of the namespace that a process sees other processes of."""
_FORBIDDING: Final = {
    "kernel/apparmor_restrict_unprivileged_userns": "1",
    "kernel/unprivileged_userns_clone": "0",
    "user/max_user_namespaces": "0",
}
"""Settings of the kernel, below /proc/sys, with the value that keeps programs from making user namespaces."""

FIX: Final = "allow user namespaces on this machine and install util-linux, which bubblewrap needs"
"""What to do where there is no bubblewrap."""

_WEAKER: Final = {
    SandboxLevel.LANDLOCK: "Landlock without namespaces",
    SandboxLevel.NONE: "builds that have all rights of this user",
}


class Sandbox:
    """Makes enclosures of one strength.

    Args:
        search_path: PATH, to find `bwrap`.
        required: refuse to run anything where there is no bubblewrap.
        level: take this level, without trying; for tests.
    """

    def __init__(self, search_path: str = "", *, required: bool = False, level: SandboxLevel | None = None) -> None:
        self._search_path = search_path or SYSTEM_PATH
        self._required = required
        self._forced = level
        self._strength: Strength | None = None
        self._lock = asyncio.Lock()

    async def strength(self) -> Strength:
        """What can be had here.

        Raises:
            Refused: a sandbox is required, and there is none that is strong enough.
        """
        async with self._lock:
            if self._strength is None:
                self._strength = await self._find()
        if self._required and self._strength.level is not SandboxLevel.BUBBLEWRAP:
            msg = f"builds cannot run in bubblewrap here: {self._strength.reason}"
            raise Refused(msg, hint=f"{FIX}; or accept {_WEAKER[self._strength.level]} with `WOMBAT_SANDBOX=best`")
        return self._strength

    async def enclosure(self, scratch: Path, *, system: bool = False) -> Enclosure:
        """A place for one program, with *scratch*, which is made, as its private folder.

        Raises:
            Refused: as `strength` does.
        """
        strength = await self.strength()
        await asyncio.to_thread(scratch.mkdir, parents=True, exist_ok=True)
        return Enclosure(strength, scratch, system)

    async def _find(self) -> Strength:
        if self._forced in {SandboxLevel.LANDLOCK, SandboxLevel.NONE}:
            return Strength(self._forced, "it was asked for")
        if sys.platform != "linux":
            return Strength(SandboxLevel.NONE, f"there is none for {sys.platform}")
        reason = await self._try_bubblewrap()
        if isinstance(reason, Strength):
            return reason
        if landlock_version():
            return Strength(SandboxLevel.LANDLOCK, reason)
        return Strength(SandboxLevel.NONE, f"{reason}; and the kernel has no Landlock")

    async def _try_bubblewrap(self) -> Strength | str:
        """The first bubblewrap that works, or why none does."""
        reasons: list[str] = []
        async for tool in bubblewrap.candidates(self._search_path):
            if isinstance(tool, str):
                reasons.append(tool)
                continue
            made = await self._try(tool)
            if isinstance(made, Strength):
                return made
            reasons.append(f"`{tool.program}` fails: {made}")
        return "; ".join(reasons)

    async def _try(self, tool: Bubblewrap) -> Strength | str:
        """Make a sandbox with everything that builds need of one; a program in it says which namespace it is in."""
        strength = Strength(SandboxLevel.BUBBLEWRAP, "", tool)
        program = shutil.which("readlink", path=SYSTEM_PATH) or "/bin/readlink"
        folder = Path(tempfile.mkdtemp(prefix="wombat-sandbox-"))
        try:
            (folder / "low").mkdir()
            (folder / "tmp").mkdir()
            enclosure = Enclosure(strength, folder / "tmp", system=True)
            enclosure.layer(folder / "low", folder / "layer", "/layer")
            answer = await enclosure.capture([program, _PROCESSES], cwd="/", env={}, seconds=_TRY_SECONDS)
        except WombatError as error:
            return error.message + _kernel_settings()
        finally:
            await asyncio.to_thread(remove_tree, folder)
        if answer.status:
            return answer.stderr.decode(errors="replace").strip() or f"`{program}` fails in it"
        if answer.stdout.decode(errors="replace").strip() in {"", os.readlink(_PROCESSES)}:  # noqa: PTH115 - not a path
            return "it makes no namespaces"
        return strength


def _kernel_settings() -> str:
    """The settings of this kernel that keep ordinary programs from making user namespaces, as words to append."""
    found = []
    for name, forbids in _FORBIDDING.items():
        with contextlib.suppress(OSError):
            if Path("/proc/sys", name).read_text(encoding="ascii").strip() == forbids:
                found.append(f"{name.replace('/', '.')}={forbids}")
    return f" ({', '.join(found)})" if found else ""
