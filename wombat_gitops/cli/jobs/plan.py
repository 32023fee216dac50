"""`wombat plan`: what would be built, and why."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.cli import exits, running, text
from wombat_gitops.domain.declaration import Declaration
from wombat_gitops.domain.errors import Unreachable, UserError
from wombat_gitops.domain.manifest.reading import has_errors
from wombat_gitops.domain.manifest.render import render_text
from wombat_gitops.domain.model import Platform
from wombat_gitops.domain.plan import Action, Plan, make_plan
from wombat_gitops.services.apply import known_builds, select
from wombat_gitops.services.manifests import ManifestReader
from wombat_gitops.wiring.machine import native_platform
from wombat_gitops.wiring.sources import manifest_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.lifecycle import BuildRecord
    from wombat_gitops.domain.plan import Change
    from wombat_gitops.settings import Settings

_SHORT_ID: Final = 12
_WORDS: Final = {
    Action.BUILD: ("build", text.Style.GOOD, "to build"),
    Action.UP_TO_DATE: ("up to date", text.Style.DIM, "up to date"),
    Action.IN_PROGRESS: ("in progress", text.Style.BUSY, "in progress"),
    Action.FAILED: ("failed", text.Style.BAD, "failed"),
    Action.RETIRE: ("retire", text.Style.WARN, "to retire"),
    Action.BLOCKED: ("blocked", text.Style.WARN, "blocked"),
}


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What to plan for: names and platforms (all where empty), a revision, the builds of this machine."""

    names: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    native: bool = False
    revision: str = ""
    local: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The chosen part of what a source declares, and the source's id."""

    source: str
    declaration: Declaration


def plan(settings: Settings, wanted: PlanOptions, output: text.Output, *, detailed: bool) -> int:
    """Print the plan; returns the exit code."""
    made, problems = running.run(_plan(settings, wanted))
    tell(problems)
    text.emit(made.as_json(), output, lambda: _table(made))
    if output is text.Output.TABLE:
        text.note(f"{'' if not made.changes else chr(10)}{summary(made)}")
    if has_errors(problems):
        return exits.INVALID
    return exits.CHANGES if detailed and made.pending else exits.OK


def compare(settings: Settings, base: str, revision: str, form: str, *, inspect: bool, local: bool) -> int:
    """Print what changes since *base*; returns the exit code."""
    from wombat_gitops.cli.jobs.changes import read_changes
    from wombat_gitops.domain import report
    from wombat_gitops.domain.messages import encode

    found = running.run(read_changes(settings, base, since=True, revision=revision, inspect=inspect, local=local))
    match form:
        case "json":
            sys.stdout.write(f"{encode(found.delta).decode()}\n")
        case "markdown":
            sys.stdout.write(report.render_markdown(found.delta))
        case _:
            tell(found.diagnostics)
            told = report.render_text(found.delta)
            text.out(told) if told else None
            text.note(f"{chr(10) if told else ''}{report.summary(found.delta)}")
    return exits.OK if found.delta.valid else exits.INVALID


async def choose(settings: Settings, wanted: PlanOptions) -> Chosen:
    """Read the work tree, or one revision of it, and keep what was asked for.

    Raises:
        NotFound: a name or platform that no manifest has.
        UserError: something that is not a platform.
    """
    source = manifest_source(settings, revision=wanted.revision or None)
    declaration = await ManifestReader(source).read()
    return Chosen(source.id, select(declaration, wanted.names, _platforms(wanted)))


def tell(diagnostics: Sequence[Diagnostic]) -> None:
    """Show what is wrong on standard error."""
    if diagnostics:
        text.note(text.accented(render_text(diagnostics), sys.stderr), always=True)


def summary(made: Plan) -> str:
    """A plan in one line."""
    counts = made.counts
    told = ", ".join(
        f"{counts[action.value]} {words}" for action, (_, _, words) in _WORDS.items() if counts[action.value]
    )
    revision = made.revision.removesuffix("+")[:_SHORT_ID] + ("+" if made.revision.endswith("+") else "")
    return f"plan at {revision or 'no commit'}: {told or 'nothing is declared'}"


async def _plan(settings: Settings, wanted: PlanOptions) -> tuple[Plan, tuple[Diagnostic, ...]]:
    chosen = await choose(settings, wanted)
    observed = await _observed(settings, chosen.declaration, local=wanted.local)
    return make_plan(chosen.declaration, observed), chosen.declaration.diagnostics


async def _observed(settings: Settings, declaration: Declaration, *, local: bool) -> Sequence[BuildRecord]:
    if local:
        from wombat_gitops.wiring.local import local_records

        return await local_records(settings)
    from wombat_gitops.wiring.clients import build_client

    try:
        async with build_client(settings) as builds:
            return await known_builds(declaration, builds)
    except Unreachable as error:
        if settings.nats:
            raise
        text.note(f"{error.message}, so nothing counts as built; `--local` compares with the builds of this machine\n")
        return ()


def _platforms(wanted: PlanOptions) -> tuple[Platform, ...]:
    if wanted.native and wanted.platforms:
        msg = "`--native` and `--platform` exclude each other"
        raise UserError(msg)
    try:
        return (native_platform(),) if wanted.native else tuple(map(Platform.parse, wanted.platforms))
    except ValueError as error:
        raise UserError(str(error)) from error


def _table(made: Plan) -> str:
    if not made.changes:
        return ""
    return text.table(["ACTION", "NAME", "VERSION", "PLATFORM", "BUILD", "WHY"], [_row(each) for each in made.changes])


def _row(change: Change) -> list[text.Cell]:
    word, style, _ = _WORDS[change.action]
    why = [change.reason.value, *([change.detail] if change.detail else []), *map(str, change.differences)]
    return [
        (word, style),
        change.name,
        change.version,
        change.platform,
        change.build[:_SHORT_ID],
        f"{why[0]}{': ' if why[1:] else ''}{', '.join(why[1:])}",
    ]
