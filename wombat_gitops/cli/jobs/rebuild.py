"""`wombat rebuild`: one known build once more, and whether its published program is the same."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wombat_gitops.cli import exits, running, text
from wombat_gitops.cli.jobs.builds import whole_id
from wombat_gitops.cli.jobs.inspecting import Shown
from wombat_gitops.cli.jobs.progress import label
from wombat_gitops.domain.errors import UserError
from wombat_gitops.domain.rebuild import Change, Difference, Verdict, difference_data
from wombat_gitops.domain.records import BuildRecord, Step
from wombat_gitops.domain.visible import visible_line
from wombat_gitops.services import rebuild as rebuilding
from wombat_gitops.services.engine import file_digest
from wombat_gitops.services.rebuild import Judgement, Published
from wombat_gitops.wiring.machine import weakness
from wombat_gitops.wiring.rebuild import bench, build_stores

if TYPE_CHECKING:
    from wombat_gitops.domain.rebuild import FunctionDifference
    from wombat_gitops.domain.records import Attempt
    from wombat_gitops.services.rebuild import KnownBuild
    from wombat_gitops.settings import Settings
    from wombat_gitops.wiring.rebuild import Bench

_DOING: Final = {Step.FETCH: "fetching and verifying modules", Step.COMPILE: "compiling with an empty cache"}
_CHANGES: Final = {
    Change.REBUILT: "is only in the rebuilt program",
    Change.PUBLISHED: "is only in the published program",
    Change.SIZE: "has another length",
    Change.CODE: "has other code of the same length",
}
_SHOWN: Final = 8
"""Sections and modules that are shown; `--output json` has more."""


@dataclass(frozen=True, slots=True)
class RebuildOptions:
    """How to rebuild.

    Attributes:
        folder: where the rebuilt program is kept, or None.
        local: look at builds of `apply --local`.
    """

    verify: bool
    folder: Path | None
    local: bool


@dataclass(frozen=True, slots=True)
class _Result:
    record: BuildRecord
    sandbox: str
    seconds: float
    sha256: str
    size: int
    published: Published | None
    judgement: Judgement | None
    path: Path | None


def rebuild(settings: Settings, words: str, how: RebuildOptions, output: text.Output) -> int:
    """Rebuild; returns the exit code.

    Raises:
        NotFound: there is no such build, or it has no artifact to compare with.
        CorruptData: its record or its module files are damaged or lost.
        StepFailed: it cannot be built here.
    """
    if not how.verify and how.folder is None:
        msg = "nothing would come of it"
        raise UserError(
            msg, hint="`--verify` compares with the published program, `--output-dir` keeps the rebuilt one"
        )
    result = running.run(_rebuild(settings, words, how))
    text.emit(_data(result), output, lambda: _table(result))
    return _close(result)


async def _rebuild(settings: Settings, words: str, how: RebuildOptions) -> _Result:
    reason = await weakness(settings)
    if reason:
        text.warning(reason)
    async with bench(settings, "rebuild", Shown(verbose=text.is_verbose())) as place:
        published = None
        async with build_stores(settings, local=how.local) as stores:
            known = await rebuilding.find(stores, await whole_id(words, stores.records.keys))
            if how.verify:
                published = await rebuilding.bring(stores, known.record, place.workspace.root / "published")
        return await _in(place, known, published, how)


async def _in(place: Bench, known: KnownBuild, published: Published | None, how: RebuildOptions) -> _Result:
    def tell(step: Step) -> None:
        text.note(f"{label(known.record)}: {_DOING[step]}")

    if known.record.spec.cgo:
        text.warning("this build compiles C: another C compiler or library than its builder's gives other bytes")
    start = time.monotonic()
    shown = Shown(verbose=text.is_verbose())
    program = await rebuilding.build(known, place.compiler, place.workspace, shown, tell)
    seconds = time.monotonic() - start
    sha256, size = await asyncio.to_thread(file_digest, program)
    judgement = None
    if published is not None:
        spec, workspace = known.record.spec, place.workspace
        judgement = await rebuilding.judge(spec, program, sha256, published, place.comparer, workspace)
    path = await asyncio.to_thread(_keep, program, known.record, how.folder) if how.folder is not None else None
    return _Result(known.record, place.sandbox, seconds, sha256, size, published, judgement, path)


def _keep(program: Path, record: BuildRecord, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / record.spec.file_name
    shutil.copyfile(program, target)
    target.chmod(0o755)
    return target


def _close(result: _Result) -> int:
    """The last words, and the exit code."""
    if result.path is not None:
        text.note(f"kept as `{result.path}`")
    published, judgement = result.published, result.judgement
    if published is None or judgement is None or judgement.verdict is Verdict.EQUAL:
        return exits.OK
    if judgement.verdict is Verdict.UNREADABLE:
        text.error(
            f"its record is right, and the published program cannot be read: {published.problem}",
            "`wombat verify` reads everything that is stored; `wombat retry` builds it again",
        )
        return exits.FAILED
    text.error(
        "the published program is not what its inputs give on this machine",
        "rebuild it on one more machine: where two agree, do not use the published program, and look at its builder",
    )
    return exits.FAILED


def _data(result: _Result) -> dict[str, Any]:
    record, published, judgement = result.record, result.published, result.judgement
    attempt = _maker(record)
    return {
        "result": judgement.verdict.value if judgement else "built",
        "id": record.id,
        "name": record.spec.name,
        "version": record.spec.version,
        "platform": str(record.spec.platform),
        "toolchain": record.spec.toolchain,
        "cgo": record.spec.cgo,
        "sandbox": str(result.sandbox),
        "seconds": round(result.seconds, 1),
        "rebuilt": {"sha256": result.sha256, "size": result.size, "path": str(result.path) if result.path else None},
        "published": {
            "sha256": published.artifact.sha256,
            "size": published.artifact.size,
            "file_name": published.artifact.file_name,
            "problem": published.problem,
            "builder": attempt.builder if attempt else "",
            "sandbox": str(attempt.sandbox) if attempt else "",
        }
        if published
        else None,
        "difference": difference_data(judgement.difference) if judgement and judgement.difference else None,
    }


def _maker(record: BuildRecord) -> Attempt | None:
    """The attempt that published the artifact."""
    return next((each for each in reversed(record.attempts) if each.ended_as == "succeeded"), None)


def _table(result: _Result) -> str:
    record, judgement = result.record, result.judgement
    here = f"rebuilt here in {text.span(result.seconds)}, sandbox {result.sandbox}, go {record.spec.toolchain}"
    if judgement is None:
        return f"built  sha256 {result.sha256}  {label(record)}  {here}"
    if judgement.verdict is not Verdict.DIFFERENT:
        return f"{_painted(judgement.verdict)}  sha256 {result.sha256}  {label(record)}  {here}"
    pairs = [("rebuilt", f"sha256 {result.sha256}, {result.size:,} bytes"), ("published", _about_published(result))]
    if judgement.difference is not None:
        pairs += _about(judgement.difference)
    return f"{_painted(judgement.verdict)}  {label(record)}  {here}\n{text.fields(pairs)}"


def _painted(verdict: Verdict) -> str:
    return text.paint(verdict.value, text.Style.GOOD if verdict is Verdict.EQUAL else text.Style.BAD)


def _about_published(result: _Result) -> str:
    published = result.published
    if published is None:
        return ""
    attempt = _maker(result.record)
    by = f", by builder {attempt.builder}, sandbox {attempt.sandbox or 'unknown'}" if attempt else ""
    problem = f"\ncannot be read: {published.problem}" if published.problem else ""
    return f"sha256 {published.artifact.sha256}, {published.artifact.size:,} bytes{by}{problem}"


def _about(found: Difference) -> list[tuple[str, str]]:
    section, module = found.place
    information = found.information
    sections = [
        f"{visible_line(each.name)} ({_size(each.rebuilt)} rebuilt, {_size(each.published)} published)"
        for each in found.sections
    ]
    modules = [f"{visible_line(each.module)} ({text.plural(each.functions, 'function')})" for each in found.modules]
    return [
        ("difference", visible_line(f"section {section}{f', module {module}' if module else ''}") if section else ""),
        ("function", _function(found.function) if found.function else ""),
        (
            "build info",
            visible_line(f"{information.what} is `{information.rebuilt}` rebuilt, `{information.published}` published")
            if information
            else "",
        ),
        ("first byte", visible_line(f"{found.offset:#x} ({found.section or 'unknown'})") if found.offset >= 0 else ""),
        ("sections", _lines(sections)),
        ("modules", _lines(modules)),
        ("note", _lines([visible_line(each) for each in found.notes])),
    ]


def _function(found: FunctionDifference) -> str:
    where = f"\nin {visible_line(found.file)}" if found.file else ""
    return f"`{visible_line(found.name)}` {_CHANGES[found.change]}{where}"


def _size(count: int) -> str:
    return "none" if count < 0 else f"{count:,} bytes"


def _lines(rows: list[str]) -> str:
    more = [f"and {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else []
    return "\n".join([*rows[:_SHOWN], *more])
