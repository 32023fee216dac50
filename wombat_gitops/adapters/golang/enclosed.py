"""go commands inside the sandbox: what they see of toolchain, modules and cache, and what is kept afterwards."""

from __future__ import annotations

import asyncio
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
    await asyncio.to_thread(cache.sound)
    await asyncio.to_thread(folders.modules.mkdir, parents=True, exist_ok=True)
    try:
        enclosure = await sandbox.enclosure(place / "tmp", system=cgo)
        compiled = await asyncio.to_thread(enclosure.layer, cache.folder, place / "layer", "/cache")
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
        if not cgo:
            await asyncio.to_thread(cache.promote, place / "layer" / "up")
    finally:
        await asyncio.to_thread(remove_tree, place)
