"""Says where two programs differ: by their build information, their bytes and their functions.

Both programs are foreign data. So what reads them is Go's own code, in the sandbox: the go command, and the small
program in the folder `differ`.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.golang import smoke
from wombat_gitops.adapters.golang.helper import helper
from wombat_gitops.adapters.golang.program import BuiltProgram
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain.errors import CorruptData, InternalError
from wombat_gitops.domain.gosource import parse_build_info
from wombat_gitops.domain.rebuild import first_mismatch, parse_difference

if TYPE_CHECKING:
    from pathlib import Path

    from wombat_gitops.adapters.golang.environment import Folders
    from wombat_gitops.adapters.golang.network import GoNetwork
    from wombat_gitops.adapters.golang.toolchain import Toolchain, Toolchains
    from wombat_gitops.adapters.sandbox.sandbox import Sandbox
    from wombat_gitops.domain.gosource import BuildInfo
    from wombat_gitops.domain.model import BuildSpec
    from wombat_gitops.domain.rebuild import Difference
    from wombat_gitops.ports import Output, Workspace

_COMPARE_SECONDS: Final = 120.0
"""Two programs of 150 MB take some seconds."""
_OUTPUT_LIMIT: Final = 1 << 20


class GoComparer:
    """The port `Comparer` over the Go toolchain.

    Args:
        folders: whose compile cache is used, and added to.
        network: variables to get a toolchain with.
        output: gets what is run and what that prints.
    """

    def __init__(
        self,
        toolchains: Toolchains,
        folders: Folders,
        network: GoNetwork,
        sandbox: Sandbox,
        output: Output,
        limits: Limits = UNLIMITED,
    ) -> None:
        self._toolchains = toolchains
        self._folders = folders
        self._network = network
        self._sandbox = sandbox
        self._output = output
        self._limits = limits

    async def compare(self, spec: BuildSpec, rebuilt: Path, published: Path, workspace: Workspace) -> Difference:
        """See `ports.Comparer`."""
        toolchain = await self._toolchains.locate(spec.toolchain, self._network.environment)
        place = workspace.root / f"compare-{secrets.token_hex(4)}"
        try:
            program = await helper("differ", toolchain, self._folders, self._sandbox, self._output, self._limits)
            words = ["-c"] if spec.cgo else []
            found = await self._run(program, words, rebuilt, published, place / "run")
            ours, theirs = [await self._information(file, toolchain, place) for file in (rebuilt, published)]
        finally:
            await asyncio.to_thread(remove_tree, place)
        if ours is None or theirs is None:
            which = "published" if theirs is None else "rebuilt"
            return replace(found, notes=(*found.notes, f"the {which} file has no readable build information"))
        return replace(found, information=first_mismatch(ours, theirs))

    async def _run(self, program: Path, words: list[str], rebuilt: Path, published: Path, place: Path) -> Difference:
        enclosure = await self._sandbox.enclosure(place)
        files = [enclosure.read(rebuilt, "/rebuilt"), enclosure.read(published, "/published")]
        answer = await enclosure.capture(
            [enclosure.read(program, "/differ"), *words, *files],
            cwd=enclosure.temporary,
            env={"HOME": enclosure.temporary},
            seconds=_COMPARE_SECONDS,
            limit=_OUTPUT_LIMIT,
            limits=self._limits,
        )
        if answer.status:
            lines = answer.stderr.decode(errors="replace").splitlines()
            msg = f"the comparison ended with status {answer.status}: {lines[0][:200] if lines else 'it says nothing'}"
            raise InternalError(msg)
        return parse_difference(answer.stdout)

    async def _information(self, file: Path, toolchain: Toolchain, place: Path) -> BuildInfo | None:
        answer = await smoke.build_information(BuiltProgram(file, place, self._sandbox, self._limits), toolchain)
        try:
            return parse_build_info(answer.stdout) if answer.status == 0 else None
        except CorruptData:
            return None
