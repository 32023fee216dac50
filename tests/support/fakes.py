"""A compiler that does what a test says, for the states a real one is too quick to be caught in."""

import asyncio
from pathlib import Path

from wombat_gitops.domain.contents import Contents, PackageContents, Presence
from wombat_gitops.domain.messages import BuildPage, BuildQuery
from wombat_gitops.domain.model import BuildSpec, Lock
from wombat_gitops.domain.records import BuildRecord, Failure, StepFailed
from wombat_gitops.domain.reference import Reference
from wombat_gitops.ports import Output, Workspace


class ScriptedCompiler:
    """`ports.Compiler` whose compile step waits, fails or ends on demand and counts its runs."""

    def __init__(self) -> None:
        self.compiling = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.cancelled = 0
        self.compiled: list[str] = []
        self.failures: list[Failure] = []

    async def fetch(self, spec: BuildSpec, lock: Lock, workspace: Workspace, output: Output) -> None:
        await output.write(b"fetched\n")

    async def generate(self, spec: BuildSpec, lock: Lock, workspace: Workspace, output: Output) -> None:
        (workspace.source / "main.go").write_text("package main\n")

    async def check(self, spec: BuildSpec, lock: Lock, output: Output) -> Contents:
        return Contents(tuple(PackageContents(name, "", Presence.PRESENT) for name in spec.packages))

    async def compile(self, spec: BuildSpec, workspace: Workspace, output: Output) -> Path:
        self.compiling.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failures:
            raise StepFailed(self.failures.pop(0))
        self.compiled.append(spec.name)
        binary = workspace.out / spec.binary_name
        binary.write_bytes(b"binary of " + spec.name.encode())
        return binary

    async def smoke(self, spec: BuildSpec, binary: Path, contents: Contents, output: Output) -> None:
        await output.write(b"smoked\n")

    async def describe(self, spec: BuildSpec, binary: Path, output: Output) -> Reference | None:
        return None


class NoIndex:
    """An index for queues whose lists nobody asks for."""

    def builds(self, query: BuildQuery) -> BuildPage:
        return BuildPage(())


def state_of(record: BuildRecord) -> str:
    """The state as a text, for short assertions."""
    return record.state.value
