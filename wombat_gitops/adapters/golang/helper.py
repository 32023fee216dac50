"""Small Go programs of this package: compiled once for each toolchain and source, always run in the sandbox."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.golang.command import go
from wombat_gitops.adapters.golang.enclosed import enclosed_go
from wombat_gitops.adapters.golang.environment import offline
from wombat_gitops.adapters.golang.toolchain import host_platform
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import Step

if TYPE_CHECKING:
    from wombat_gitops.adapters.golang.environment import Folders
    from wombat_gitops.adapters.golang.toolchain import Toolchain
    from wombat_gitops.adapters.sandbox.sandbox import Sandbox
    from wombat_gitops.adapters.watchdog import Limits
    from wombat_gitops.ports import Output

_COMPILE_SECONDS: Final = 600.0
"""With an empty cache it takes 8 to 14 s of one core."""


async def helper(
    name: str, toolchain: Toolchain, folders: Folders, sandbox: Sandbox, output: Output, limits: Limits
) -> Path:
    """The program whose source is the folder *name* beside this module; compiled where it is not there yet.

    It imports the standard library only, so it compiles without network.

    Raises:
        StepFailed: it cannot be compiled with this toolchain.
        SandboxFailed, Refused: there is no sandbox to compile it in.
    """
    files = sorted(Path(__file__).with_name(name).glob("*.go"))
    digest = hashlib.sha256(toolchain.release.encode())
    for file in files:
        digest.update(await asyncio.to_thread(file.read_bytes))
    made = folders.data / "helpers" / f"{name}-{digest.hexdigest()[:32]}"
    if await asyncio.to_thread(made.is_file):
        return made
    place = folders.data / "helpers" / f".{name}-{secrets.token_hex(8)}"
    try:
        await asyncio.to_thread((place / "out").mkdir, parents=True)
        async with enclosed_go(sandbox, folders, toolchain, place / "compile") as inside:
            out = inside.enclosure.write(place / "out", "/out")
            source = inside.enclosure.read(files[0].parent, "/src")
            sources = [f"{source}/{file.name}" for file in files]
            await go(
                [inside.paths.go, "build", "-trimpath", "-buildvcs=false", "-o", f"{out}/{name}", *sources],
                cwd=source,
                env=offline(inside.paths, Platform(*host_platform())),
                seconds=_COMPILE_SECONDS,
                output=output,
                step=Step.COMPILE,
                limits=limits,
                enclosure=inside.enclosure,
            )
        await asyncio.to_thread(os.replace, place / "out" / name, made)
    finally:
        await asyncio.to_thread(remove_tree, place)
    return made
