"""A builder's test of its own machine: each Go toolchain compiles a tiny program in the sandbox, and it runs there."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.golang.enclosed import enclosed_go
from wombat_gitops.adapters.golang.environment import Folders, offline
from wombat_gitops.adapters.golang.program import BuiltProgram
from wombat_gitops.adapters.golang.toolchain import Toolchains, host_platform
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.domain.errors import WombatError
from wombat_gitops.domain.platforms import Platform

if TYPE_CHECKING:
    from wombat_gitops.adapters.golang.toolchain import Toolchain

_SECONDS: Final = 300.0
"""An empty cache and a slow core; otherwise this takes half a second."""
_RUN_SECONDS: Final = 20.0
_OUTPUT_LIMIT: Final = 64 * 1024
_LINE: Final = 200


class GoSelfTest:
    """Says what is wrong with the toolchains of this machine.

    Args:
        data: folder that Go keeps its caches in.
        search_path: PATH, to find the user's Go; looked at anew each time, as somebody may have mended it.
    """

    def __init__(self, data: Path, search_path: str, sandbox: Sandbox | None = None) -> None:
        self._folders = Folders(data.absolute())
        self._search_path = search_path
        self._sandbox = sandbox or Sandbox()

    async def __call__(self) -> str:
        """What is wrong, in one line, or ""."""
        try:
            toolchains = await Toolchains(self._folders.data, self._search_path).installed()
            if not toolchains:
                return "there is no Go toolchain"
            found = [await self._try(toolchain) for toolchain in toolchains]
        except (WombatError, OSError) as error:
            return " ".join(str(error).split())[:_LINE]
        return next((problem for problem in found if problem), "")

    async def _try(self, toolchain: Toolchain) -> str:
        # Another program each time, so that neither compiler nor linker can be skipped for what is in the cache.
        mark = secrets.token_hex(8)
        with tempfile.TemporaryDirectory(prefix="wombat-selftest-") as name:
            folder = Path(name)
            await asyncio.to_thread(_write_program, folder, mark)
            async with enclosed_go(self._sandbox, self._folders, toolchain, folder / "compile") as inside:
                out = inside.enclosure.write(folder / "out", "/out")
                built = await inside.enclosure.capture(
                    [inside.paths.go, "build", "-trimpath", "-buildvcs=false", "-o", f"{out}/program", "."],
                    cwd=inside.enclosure.read(folder / "source", "/src"),
                    env=offline(inside.paths, Platform(*host_platform())),
                    seconds=_SECONDS,
                )
            if built.status:
                return f"go {toolchain.release} cannot compile: {_last(built.stderr)}"
            program = BuiltProgram(folder / "out" / "program", folder, self._sandbox)
            ran = await program.run([], seconds=_RUN_SECONDS, limit=_OUTPUT_LIMIT)
            if ran.status or ran.stderr.decode(errors="replace") != mark:
                return f"a program made with go {toolchain.release} does not run: {_last(ran.stderr)}"
        return ""


def _write_program(folder: Path, mark: str) -> None:
    source = folder / "source"  # Go takes no go.mod in the very folder of temporary files
    source.mkdir()
    (folder / "out").mkdir()
    (source / "go.mod").write_text("module selftest\n", encoding="utf-8")
    (source / "main.go").write_text(f'package main\n\nfunc main() {{ print("{mark}") }}\n', encoding="utf-8")


def _last(output: bytes) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:_LINE] if lines else "it says nothing"
