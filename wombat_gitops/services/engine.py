"""One attempt of a build, step by step. The same engine runs in a builder and in `apply --local`."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.lifecycle import Step
from wombat_gitops.domain.model import Artifact

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from wombat_gitops.domain.model import BuildSpec, Lock
    from wombat_gitops.ports import Compiler, ObjectStore, Workspace
    from wombat_gitops.services.joblog import JobLog

_BLOCK: Final = 1 << 20


class Engine:
    """Turns a spec and its module files into a stored artifact."""

    def __init__(self, compiler: Compiler, objects: ObjectStore) -> None:
        self._compiler = compiler
        self._objects = objects

    async def build(
        self,
        spec: BuildSpec,
        lock: Lock,
        workspace: Workspace,
        log: JobLog,
        on_step: Callable[[Step], Awaitable[None]],
    ) -> Artifact:
        """Run every step and return the stored, verified artifact.

        Args:
            on_step: told before each step; what it raises ends the attempt.

        Raises:
            StepFailed: a step failed for an understood reason.
            WombatError: anything else that this package raises on purpose.
        """

        async def begin(step: Step) -> None:
            await log.say(f"==> {step}")
            await on_step(step)

        await begin(Step.FETCH)
        await self._compiler.fetch(spec, lock, workspace, log)
        await begin(Step.GENERATE)
        await self._compiler.generate(spec, lock, workspace, log)
        await begin(Step.COMPILE)
        binary = await self._compiler.compile(spec, workspace, log)
        await begin(Step.SMOKE)
        await self._compiler.smoke(spec, binary, log)
        await begin(Step.UPLOAD)
        artifact = await asyncio.to_thread(_describe, binary, spec.file_name)
        await self._objects.put(binary, artifact.sha256, artifact.size)
        await log.say(f"sha256 {artifact.sha256} {artifact.size} bytes {artifact.file_name}")
        return artifact


def file_digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size in bytes of a file."""
    total = 0
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            total += len(block)
            sha256.update(block)
    return sha256.hexdigest(), total


def _describe(binary: Path, file_name: str) -> Artifact:
    sha256, size = file_digest(binary)
    return Artifact(sha256, size, file_name)
