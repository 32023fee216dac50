"""go commands inside the sandbox: what they see of toolchain, modules and cache, and what is kept afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.golang.compiled import CompileCache
from wombat_gitops.adapters.golang.environment import Folders, GoPaths
from wombat_gitops.adapters.sandbox.enclosure import Enclosure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from wombat_gitops.adapters.golang.toolchain import Toolchain
    from wombat_gitops.adapters.sandbox.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class EnclosedGo:
    """A place for one go command, and how that command finds things."""

    enclosure: Enclosure
    paths: GoPaths


@asynccontextmanager
async def enclosed_go(
    sandbox: Sandbox, folders: Folders, toolchain: Toolchain, place: Path, *, cgo: bool = False
) -> AsyncIterator[EnclosedGo]:
    """A place for one go command; where that ends well, what it has compiled is kept for others.

    Args:
        place: a private folder, made and removed here.
        cgo: C is compiled. A C compiler can be made to write anything, so nothing of that is kept.

    Raises:
        Refused: a sandbox is required, and there is none.
    """
    cache = CompileCache(folders.compiled)
    shared = await asyncio.to_thread(_is_sound, cache)
    await asyncio.to_thread(folders.modules.mkdir, parents=True, exist_ok=True)
    try:
        enclosure = await sandbox.enclosure(place / "tmp", system=cgo)
        lower = cache.folder if shared else place / "nothing"
        await asyncio.to_thread(lower.mkdir, parents=True, exist_ok=True)
        compiled = await asyncio.to_thread(enclosure.layer, lower, place / "layer", "/cache")
        yield EnclosedGo(
            enclosure,
            GoPaths(
                root=enclosure.read(toolchain.root, "/go"),
                modules=enclosure.read(folders.modules, "/mod"),
                compiled=compiled,
                config=enclosure.read(folders.config, "/config"),
                scratch=enclosure.temporary,
            ),
        )
        if shared and not cgo:
            with contextlib.suppress(OSError):  # what cannot be kept is compiled again
                await asyncio.to_thread(cache.promote, place / "layer" / "up")
    finally:
        await asyncio.to_thread(remove_tree, place)


def _is_sound(cache: CompileCache) -> bool:
    """Whether the shared cache can be used; where it cannot, a build takes longer and is as good."""
    try:
        cache.sound()
    except OSError:
        return False
    return True
