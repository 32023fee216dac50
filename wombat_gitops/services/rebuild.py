"""Builds one known build again, and compares the result with what was published.

Nothing is written but in the workspace: no record, no object, no shared compile cache.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wombat_gitops.domain.errors import CorruptData, NotFound, SandboxFailed, WombatError
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.model import Artifact, Lock
from wombat_gitops.domain.rebuild import Difference, Verdict
from wombat_gitops.domain.records import BuildRecord, Step
from wombat_gitops.ports import ObjectStore, Store
from wombat_gitops.services.queue import Inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from wombat_gitops.domain.model import BuildSpec
    from wombat_gitops.ports import Comparer, Compiler, Output, Workspace


@dataclass(frozen=True, slots=True)
class BuildStores:
    """Where builds are kept; only read here."""

    records: Store[BuildRecord]
    inputs: Inputs
    objects: ObjectStore


@dataclass(frozen=True, slots=True)
class KnownBuild:
    """A build with everything that it takes to make it again."""

    record: BuildRecord
    lock: Lock


@dataclass(frozen=True, slots=True)
class Published:
    """The published program.

    Attributes:
        path: a verified copy, or None where the stored bytes cannot be read.
        problem: why not, or "".
    """

    artifact: Artifact
    path: Path | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a rebuilt program compares; *difference* is None where both are equal, or one cannot be read."""

    verdict: Verdict
    difference: Difference | None = None


async def find(stores: BuildStores, build: str) -> KnownBuild:
    """A build and its module files.

    Raises:
        NotFound: there is no such build.
        CorruptData: its record describes other inputs than its id stands for, or module files are lost.
    """
    entry = await stores.records.get(build)
    if entry is None:
        msg = f"there is no build `{build}`"
        raise NotFound(msg, hint="`wombat list builds` shows the builds there are")
    record = entry.value
    actual = build_id(record.spec)
    if actual != build:
        msg = f"the record of build `{build[:12]}` describes the inputs of build `{actual[:12]}`"
        raise CorruptData(msg, hint="do not use its artifact; the record was altered, or is damaged")
    return KnownBuild(record, await stores.inputs.load(record.spec))


async def bring(stores: BuildStores, record: BuildRecord, target: Path) -> Published:
    """Copy the published program of a build to *target*.

    Raises:
        NotFound: the build has no artifact.
    """
    artifact = record.artifact
    if artifact is None:
        msg = f"build `{record.id[:12]}` is `{record.state}` and has no artifact to compare with"
        raise NotFound(msg, hint="`wombat rebuild ID --output-dir FOLDER` builds it without comparing")
    try:
        await stores.objects.fetch(artifact.sha256, artifact.size, target)
    except (NotFound, CorruptData) as error:
        return Published(artifact, None, error.message)
    await asyncio.to_thread(target.chmod, 0o644)  # the sandbox may run as another user
    return Published(artifact, target)


async def build(
    known: KnownBuild, compiler: Compiler, workspace: Workspace, output: Output, on_step: Callable[[Step], None]
) -> Path:
    """Build *known* in *workspace* and return the program; its tests are not run, they change no byte.

    Raises:
        StepFailed: it cannot be built here.
    """
    spec = replace(known.record.spec, tests=())
    on_step(Step.FETCH)
    await compiler.fetch(spec, known.lock, workspace, output)
    await compiler.generate(spec, known.lock, workspace, output)
    on_step(Step.COMPILE)
    return await compiler.compile(spec, workspace, output)


async def judge(
    spec: BuildSpec, program: Path, sha256: str, published: Published, comparer: Comparer, workspace: Workspace
) -> Judgement:
    """Compare a rebuilt program of *spec*, whose digest is *sha256*, with the published one."""
    if sha256 == published.artifact.sha256:
        return Judgement(Verdict.EQUAL if published.path is not None else Verdict.UNREADABLE)
    if published.path is None:
        return Judgement(Verdict.DIFFERENT)
    try:
        difference = await comparer.compare(spec, program, published.path, workspace)
    except SandboxFailed:
        raise
    except WombatError as error:
        difference = Difference(notes=(f"the two programs could not be compared: {error.message}",))
    return Judgement(Verdict.DIFFERENT, difference)
