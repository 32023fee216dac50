"""`wombat plan`: what would be built, and why."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from wombat_gitops.cli import exits, running, text
from wombat_gitops.domain.declaration import Declaration
from wombat_gitops.domain.errors import Unreachable, UserError
from wombat_gitops.domain.manifest.reading import has_errors
from wombat_gitops.domain.manifest.render import render_text
from wombat_gitops.domain.messages import as_json
from wombat_gitops.domain.plan import Action, Plan, make_plan
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.publication import keep_dates
from wombat_gitops.services.apply import known_builds, select
from wombat_gitops.services.manifests import ManifestReader
from wombat_gitops.services.publishing import settle_all
from wombat_gitops.wiring.machine import native_platform
from wombat_gitops.wiring.sources import manifest_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.cli.jobs.changes import Comparison
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.plan import Change
    from wombat_gitops.domain.records import BuildRecord
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


def compare(settings: Settings, wanted: Comparison, form: str, *, detailed: bool) -> int:
    """Print what changes since a base; returns the exit code.

    Args:
        form: `markdown`, or a form of `text.Output`.
        detailed: exit with another code where something would be built.
    """
    from wombat_gitops.cli.jobs.changes import read_changes
    from wombat_gitops.domain import report

    found = running.run(read_changes(settings, wanted))
    delta = found.delta
    tell(found.diagnostics)
    if form == "markdown":
        text.out(report.render_markdown(delta), end="")
    else:
        text.emit(as_json(delta), text.Output(form), lambda: report.render_text(delta))
    if form == text.Output.TABLE:
        text.note(f"{chr(10) if delta.distributions or delta.shared else ''}{report.summary(delta)}")
    if not delta.valid:
        return exits.INVALID
    return exits.CHANGES if detailed and delta.pending else exits.OK


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
    settled, observed = await _observed(settings, chosen.declaration, local=wanted.local)
    return make_plan(settled, observed), chosen.declaration.diagnostics


async def _observed(
    settings: Settings, declaration: Declaration, *, local: bool
) -> tuple[Declaration, Sequence[BuildRecord]]:
    """What is known of the builds, and the declaration with the dates of what is published already."""
    if local:
        from wombat_gitops.wiring.local import local_records

        records = await local_records(settings)
        settled = tuple(keep_dates(each, records) for each in declaration.declared)
        return replace(declaration, declared=settled), records
    from wombat_gitops.wiring.clients import build_client

    try:
        async with build_client(settings) as builds:
            declaration = await settle_all(declaration, builds)
            return declaration, await known_builds(declaration, builds)
    except Unreachable as error:
        if settings.nats:
            raise
        text.note(f"{error.message}, so nothing counts as built; `--local` compares with the builds of this machine\n")
        return declaration, ()


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
