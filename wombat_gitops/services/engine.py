"""One attempt of a build, step by step. The same engine runs in a builder and in `apply --local`."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain import policy
from wombat_gitops.domain.gomod import read_go_mod
from wombat_gitops.domain.messages import encode
from wombat_gitops.domain.model import Artifact
from wombat_gitops.domain.records import POLICY_VIOLATION, Failure, FailureKind, Step, StepFailed, StoredLog
from wombat_gitops.domain.reference import pack, placed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from wombat_gitops.domain.model import BuildSpec, Lock, Policy
    from wombat_gitops.ports import Compiler, ObjectStore, Workspace
    from wombat_gitops.services.joblog import JobLog

_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Built:
    """What a build has put into the object store.

    Attributes:
        contents: JSON of `domain.contents.Contents`.
        reference: document of `domain.reference`, where the program was asked and told.
    """

    artifact: Artifact
    contents: StoredLog
    reference: StoredLog | None = None


class Engine:
    """Turns a spec and its module files into a stored artifact.

    Args:
        policies: the operator's own; they hold for every build here, whoever asks for it.
    """

    def __init__(self, compiler: Compiler, objects: ObjectStore, policies: tuple[Policy, ...] = ()) -> None:
        self._compiler = compiler
        self._objects = objects
        self._policies = policies

    async def build(
        self,
        spec: BuildSpec,
        lock: Lock,
        workspace: Workspace,
        log: JobLog,
        on_step: Callable[[Step], Awaitable[None]],
        policies: Callable[[], tuple[Policy, ...]] = tuple,
    ) -> Built:
        """Run every step and return the stored, verified artifact.

        Args:
            on_step: told before each step; what it raises ends the attempt.
            policies: what the build's source wants held; asked again at each step, as it can change meanwhile.

        Raises:
            StepFailed: a step failed for an understood reason.
            WombatError: anything else that this package raises on purpose.
        """

        async def begin(step: Step) -> None:
            await log.say(f"==> {step}")
            await on_step(step)

        def rules() -> tuple[Policy, ...]:
            return (*self._policies, *policies())

        await begin(Step.FETCH)
        _enforce(policy.judge_spec(rules(), spec, read_go_mod(lock.go_mod)), Step.FETCH)
        await self._compiler.fetch(spec, lock, workspace, log)
        await begin(Step.GENERATE)
        await self._compiler.generate(spec, lock, workspace, log)
        await begin(Step.CHECK)
        contents = await self._compiler.check(spec, lock, log)
        _enforce(policy.judge_contents(rules(), contents), Step.CHECK)
        await begin(Step.COMPILE)
        binary = await self._compiler.compile(spec, workspace, log)
        artifact = await asyncio.to_thread(_describe, binary, spec.file_name)
        _enforce(policy.judge_size(rules(), artifact.size), Step.COMPILE)
        await begin(Step.SMOKE)
        await self._compiler.smoke(spec, binary, contents, log)
        reference = await self._compiler.describe(spec, binary, log)
        await begin(Step.UPLOAD)
        _enforce((*policy.judge_contents(rules(), contents), *policy.judge_size(rules(), artifact.size)), Step.UPLOAD)
        await self._objects.put(binary, artifact.sha256, artifact.size)
        stored = await self._store(workspace.root / "contents.json", encode(contents))
        described = None
        if reference is not None:
            document = await asyncio.to_thread(pack, placed(reference, contents))
            described = await self._store(workspace.root / "reference", document)
        await log.say(f"sha256 {artifact.sha256} {artifact.size} bytes {artifact.file_name}")
        return Built(artifact, stored, described)

    async def _store(self, path: Path, data: bytes) -> StoredLog:
        stored = await asyncio.to_thread(_write, path, data)
        await self._objects.put(path, stored.sha256, stored.size)
        return stored


def _enforce(violations: tuple[policy.Violation, ...], step: Step) -> None:
    if violations:
        first = violations[0]
        tail = tuple(str(violation) for violation in violations[:20])
        raise StepFailed(Failure(FailureKind.USER, POLICY_VIOLATION, str(first), step, "", first.hint, tail))


def _write(path: Path, data: bytes) -> StoredLog:
    path.write_bytes(data)
    return StoredLog(*file_digest(path))


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
