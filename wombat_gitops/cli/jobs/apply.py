"""`wombat apply`: request what the plan says, and follow it to the end."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wombat_gitops.cli import exits, running, text
from wombat_gitops.cli.jobs import plan as planning
from wombat_gitops.cli.jobs import progress
from wombat_gitops.cli.jobs.folder import refuse_errors
from wombat_gitops.cli.jobs.plan import PlanOptions
from wombat_gitops.domain.errors import TimedOut, UserError
from wombat_gitops.domain.plan import Action, Plan, make_plan
from wombat_gitops.domain.records import BuildRecord, BuildState
from wombat_gitops.ports import BuildClient, ObjectStore
from wombat_gitops.services.apply import follow, known_builds, request
from wombat_gitops.services.engine import file_digest
from wombat_gitops.services.publishing import settle_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from wombat_gitops.cli.jobs.plan import Chosen
    from wombat_gitops.domain.model import Artifact
    from wombat_gitops.settings import Settings

_LOCAL_INTERVAL: Final = 0.05
_REMOTE_INTERVAL: Final = 0.5


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """How to apply.

    Attributes:
        folder: where artifacts are copied to, or None.
        seconds: longest wait for all builds, 0 for any.
        yes: do not ask.
        retry: build again what failed before; always so on this machine.
    """

    plan: PlanOptions
    folder: Path | None
    seconds: float
    wait: bool
    yes: bool
    retry: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """Where builds are done; *objects* where their bytes can be had here."""

    builds: BuildClient
    objects: ObjectStore | None


@dataclass(frozen=True, slots=True)
class _Result:
    plan: Plan
    records: tuple[BuildRecord, ...]
    paths: dict[str, Path]


def apply(settings: Settings, how: ApplyOptions, output: text.Output) -> int:
    """Apply; returns the exit code.

    Raises:
        InvalidManifests: nothing is requested where a chosen manifest is wrong.
        TimedOut: builds go on at the service.
        KeyboardInterrupt: builds go on at the service; those of this machine were stopped.
    """
    if how.plan.local and not how.wait:
        msg = "`--local` builds here, so it cannot go on without waiting"
        raise UserError(msg, hint="leave out `--no-wait`")
    chosen = running.run(planning.choose(settings, how.plan))
    refuse_errors(chosen.declaration.diagnostics)
    planning.tell(chosen.declaration.diagnostics)
    try:
        result = running.run(_apply(settings, chosen, how))
    except KeyboardInterrupt:
        going_on = "not waiting any more; what was requested goes on, `wombat list builds` shows it"
        text.note("\nstopped" if how.plan.local else f"\n{going_on}")
        raise
    return _tell(result, how, output)


async def _apply(settings: Settings, chosen: Chosen, how: ApplyOptions) -> _Result:
    async with _place(settings, local=how.plan.local) as place:
        declaration = await settle_all(chosen.declaration, place.builds)
        made = make_plan(declaration, await known_builds(declaration, place.builds))
        text.note(planning.summary(made))
        retry = how.retry or how.plan.local
        _ask(made, how, retry=retry)
        records = await request(declaration, place.builds, source=chosen.source, retry=retry)
        if not how.wait:
            return _Result(made, records, {})
        if any(not record.state.final for record in records):
            records = await _follow(records, place.builds, how)
        return _Result(made, records, await _copies(settings, place, records, how))


@asynccontextmanager
async def _place(settings: Settings, *, local: bool) -> AsyncIterator[_Place]:
    if local:
        from wombat_gitops.wiring.local import local_engine

        async with local_engine(settings) as engine:
            if engine.weakness:
                text.warning(engine.weakness)
            yield _Place(engine.builds, engine.objects)
        return
    from wombat_gitops.wiring.clients import build_client

    async with build_client(settings) as builds:
        yield _Place(builds, None)


def _ask(made: Plan, how: ApplyOptions, *, retry: bool) -> None:
    """Ask before a service is given work, where a person is there to answer."""
    count = made.counts[Action.BUILD.value] + (made.counts[Action.FAILED.value] if retry else 0)
    if how.yes or how.plan.local or not count or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    if not text.ask(f"request {text.plural(count, 'build')}?"):
        msg = "nothing was requested"
        raise UserError(msg, hint="`--yes` does not ask")


async def _follow(records: Sequence[BuildRecord], builds: BuildClient, how: ApplyOptions) -> tuple[BuildRecord, ...]:
    interval = _LOCAL_INTERVAL if how.plan.local else _REMOTE_INTERVAL
    try:
        async with asyncio.timeout(how.seconds or None):
            with progress.board(live=text.live()) as board:
                return await follow(records, builds, board.show, interval=interval)
    except TimeoutError as error:
        msg = f"not all builds ended within {how.seconds:g} s"
        hint = "" if how.plan.local else "they go on; `wombat list builds` shows them"
        raise TimedOut(msg, hint=hint) from error


async def _copies(
    settings: Settings, place: _Place, records: Sequence[BuildRecord], how: ApplyOptions
) -> dict[str, Path]:
    """Verified copies of the artifacts under good names, by build id; none where nobody asked and they are far away."""
    if how.folder is None and place.objects is None:
        return {}
    paths = {}
    for record in records:
        if record.artifact is None:
            continue
        own = settings.data / "local" / "artifacts" / record.id[:12]
        target = (how.folder or own) / record.artifact.file_name
        await _fetch(settings, place.objects, record.artifact, target)
        paths[record.id] = target
    return paths


async def _fetch(settings: Settings, objects: ObjectStore | None, artifact: Artifact, target: Path) -> None:
    await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
    if not await asyncio.to_thread(_is_there, artifact, target):
        await _bring(settings, objects, artifact, target)
    await asyncio.to_thread(target.chmod, 0o755)


def _is_there(artifact: Artifact, target: Path) -> bool:
    return target.is_file() and file_digest(target) == (artifact.sha256, artifact.size)


async def _bring(settings: Settings, objects: ObjectStore | None, artifact: Artifact, target: Path) -> None:
    if objects is not None:
        await objects.fetch(artifact.sha256, artifact.size, target)
        return
    from wombat_gitops.cli.client import ApiClient
    from wombat_gitops.cli.jobs.download import Wanted, fetch
    from wombat_gitops.wiring.addresses import api_address

    wanted = Wanted(f"/dl/sha256/{artifact.sha256}", artifact.sha256, artifact.size, artifact.file_name)
    await asyncio.to_thread(fetch, ApiClient(api_address(settings)), wanted, target)


def _tell(result: _Result, how: ApplyOptions, output: text.Output) -> int:
    failed = [record for record in result.records if record.state.final and record.state is not BuildState.SUCCEEDED]
    data = {**result.plan.as_json(), "builds": [_data(record, result.paths) for record in result.records]}
    text.emit(data, output, lambda: _table(result))
    for record in failed:
        text.note(f"\n{progress.failure_text(record)}", always=True)
        if not how.plan.local and record.attempts:
            text.note(f"\n  whole log: wombat logs {record.id[:12]}", always=True)
    if failed:
        total = len(result.records)
        text.error(f"{len(failed)} of {text.plural(total, 'build')} did not succeed")
    return exits.FAILED if failed else exits.OK


def _data(record: BuildRecord, paths: dict[str, Path]) -> dict[str, Any]:
    artifact = record.artifact
    failure = record.failure
    return {
        "id": record.id,
        "name": record.spec.name,
        "version": record.spec.version,
        "platform": str(record.spec.platform),
        "state": record.state.value,
        "seconds": progress.duration(record),
        "artifact": {"sha256": artifact.sha256, "size": artifact.size, "file_name": artifact.file_name}
        if artifact
        else None,
        "failure": {"reason": failure.reason, "culprit": failure.culprit, "message": failure.message}
        if failure
        else None,
        "path": str(paths[record.id]) if record.id in paths else None,
    }


def _table(result: _Result) -> str:
    if not result.records:
        return ""
    rows: list[list[text.Cell]] = []
    for record in sorted(result.records, key=progress.label):
        where = str(result.paths.get(record.id, ""))
        digest = record.artifact.sha256[:12] if record.artifact else ""
        state = text.state(record.state.value)
        rows.append([record.spec.name, record.spec.version, str(record.spec.platform), state, digest, where])
    return text.table(["NAME", "VERSION", "PLATFORM", "STATE", "SHA256", "PATH" if result.paths else ""], rows)
