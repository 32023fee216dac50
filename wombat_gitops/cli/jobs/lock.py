"""`wombat lock`: exact modules for manifests."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wombat_gitops.cli import exits, running, text
from wombat_gitops.cli.jobs.folder import choose, examine, read_file, replace_file, write_lock
from wombat_gitops.cli.jobs.inspecting import Shown, judge, tell, tell_notices
from wombat_gitops.domain.errors import LockError, WombatError
from wombat_gitops.domain.inspection import UselessPackages, diagnose
from wombat_gitops.domain.lock import lock_paths, render_lock
from wombat_gitops.domain.manifest import read_manifest, rules
from wombat_gitops.domain.manifest.edit import replaces_text, with_replaces
from wombat_gitops.domain.manifest.reading import has_errors
from wombat_gitops.wiring.policies import operator_policies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.cli.jobs.folder import Examined
    from wombat_gitops.domain.gomod import Offer
    from wombat_gitops.domain.model import Distribution, Policy
    from wombat_gitops.settings import Settings
    from wombat_gitops.wiring.machine import GoTools


@dataclass(frozen=True, slots=True)
class _Row:
    """One distribution. *refused*: something that is in its programs is not allowed."""

    name: str
    state: str
    path: str
    detail: str = ""
    refused: bool = False


_STYLES = {"up to date": None, "written": text.Style.GOOD, "stale": text.Style.WARN, "failed": text.Style.BAD}


@dataclass(frozen=True, slots=True)
class LockOptions:
    """What to lock, and how.

    Attributes:
        words: paths or names; all manifests where none is named.
        check: only tell which locks are missing or stale.
        force: resolve also what is up to date.
        add_replaces: write the replacements of the declared modules into the manifests.
        verbose: show what the toolchain prints.
    """

    words: tuple[str, ...] = ()
    check: bool = False
    force: bool = False
    add_replaces: bool = False
    verbose: bool = False


def lock(settings: Settings, options: LockOptions, output: text.Output) -> int:
    """Lock what needs it; one that fails does not keep the others from being done. Returns the exit code."""
    folder = Path(settings.repo, settings.folder)
    found = examine(choose(options.words, folder), folder)
    problems = [*found.set.diagnostics, *(each for path in found.lock_problems for each in found.refusals(path))]
    if has_errors(problems) or any(each.rule == rules.NOT_READ.id for each in problems):
        tell(problems)
    current = [each for each in found.set.distributions if not found.stale(each.path)]
    always = (options.force or options.add_replaces) and not options.check
    wanted = [each for each in found.set.distributions if always or each not in current]
    if options.check:
        rows = [_Row(each.name, "stale", _folder(each), _reasons(found.stale(each.path))) for each in wanted]
        if wanted:
            text.note(f"run `{shlex.join(['wombat', 'lock', *(each.path for each in wanted)])}`", always=True)
    else:
        rows = running.run(_lock_all(settings, found, wanted, options)) if wanted else []
    done = {row.name for row in rows}
    rows += [_Row(each.name, "up to date", _folder(each)) for each in current if each.name not in done]
    rows.sort(key=lambda row: row.name)
    items = [{"name": row.name, "state": row.state, "path": row.path, "detail": row.detail} for row in rows]
    text.emit({"items": items}, output, lambda: _table(rows))
    if has_errors(problems) or any(row.refused for row in rows):
        return exits.INVALID
    return exits.FAILED if any(row.state in {"failed", "stale"} for row in rows) else exits.OK


async def _lock_all(
    settings: Settings, found: Examined, wanted: Sequence[Distribution], options: LockOptions
) -> list[_Row]:
    from wombat_gitops.wiring.machine import go_tools

    tools = await go_tools(settings)
    operator = operator_policies(settings)
    return await running.side_by_side(lambda each: _lock_one(tools, found, each, options, operator), wanted)


async def _lock_one(
    tools: GoTools, found: Examined, distribution: Distribution, options: LockOptions, operator: tuple[Policy, ...]
) -> _Row:
    text.note(
        f"{distribution.name}: resolving {text.plural(len(distribution.modules), 'module')} for "
        f"{text.plural(len(distribution.platforms), 'platform')}"
    )
    manifest, output = "", Shown(verbose=options.verbose)
    reading = found.set.readings[distribution.path]
    try:
        resolved = await tools.resolver.resolve(distribution, output)
        offers = await tools.resolver.offers(distribution, resolved)
        if offers and options.add_replaces:
            manifest, distribution = _with_replaces(found, distribution, offers)
            resolved = await tools.resolver.resolve(distribution, output)
        elif offers:
            _offer(distribution, offers)
        if manifest:
            replace_file(Path(distribution.path), manifest)
        folder = write_lock(distribution, render_lock(distribution, resolved))
        inside = await tools.inspector.inspect(distribution, resolved, output)
        await tell_notices(tools, distribution)
        problems = judge(reading, replace(distribution, policies=(*distribution.policies, *operator)), inside)
    except UselessPackages as error:
        tell(diagnose(reading, error.inspection))
        return _Row(distribution.name, "failed", _folder(distribution), error.message)
    except LockError as error:
        text.error(f"{distribution.name}: {error.message}", error.hint)
        return _Row(distribution.name, "failed", _folder(distribution), error.message)
    except OSError as error:
        msg = f"cannot write `{_folder(distribution)}`: {(error.strerror or 'unknown reason').lower()}"
        raise WombatError(msg) from error
    if problems:
        tell(problems)
    return _Row(distribution.name, "written", folder.as_posix(), refused=has_errors(problems))


def _offer(distribution: Distribution, offers: Sequence[Offer]) -> None:
    modules = ", ".join(sorted({f"`{offer.module}`" for offer in offers}))
    snippet = replaces_text(offer.replace for offer in offers)
    command = shlex.join(["wombat", "lock", "--add-replaces", distribution.path])
    text.note(
        f"{distribution.name}: {modules} replaces modules for itself only, as Go does not pass that on; to build with "
        f"the same, run `{command}`, or add to `{distribution.path}`:\n\nreplaces:\n{snippet}",
        always=True,
    )


def _with_replaces(found: Examined, old: Distribution, offers: Sequence[Offer]) -> tuple[str, Distribution]:
    """The manifest's text with the offered replacements, and what it means.

    Raises:
        LockError: its text cannot be changed so.
    """
    wanted = [offer.replace for offer in offers]
    before = read_file(Path(old.path)).decode()
    after = with_replaces(before, found.set.places[old.path], wanted)
    again = read_manifest(old.path, after.encode(), found.set.shared).distribution
    if again is None or set(again.replaces) != {*old.replaces, *wanted}:
        msg = f"`replaces` cannot be added to `{old.path}` by itself"
        raise LockError(msg, hint=f"add to it:\n\nreplaces:\n{replaces_text(wanted)}")
    return after, again


def _folder(distribution: Distribution) -> str:
    return Path(lock_paths(distribution.path)[0]).parent.as_posix()


def _reasons(problems: Sequence[object]) -> str:
    return "; ".join(str(getattr(problem, "message", problem)) for problem in problems)


def _table(rows: Sequence[_Row]) -> str:
    if not rows:
        return ""
    cells: list[list[text.Cell]] = [[row.name, (row.state, _STYLES[row.state]), row.path, _why(row)] for row in rows]
    return text.table(["NAME", "LOCK", "PATH", "WHY" if any(map(_why, rows)) else ""], cells)


def _why(row: _Row) -> str:
    """Why a lock is stale; why it could not be made is told in full where that happens."""
    return row.detail if row.state == "stale" else ""
