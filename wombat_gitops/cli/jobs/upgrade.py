"""`wombat upgrade`, and `wombat lock --upgrade`: newer modules for manifests, as files or as a patch."""

from __future__ import annotations

import difflib
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.cli import exits, running, text
from wombat_gitops.cli.jobs.folder import choose, examine, read_file, replace_file, write_lock
from wombat_gitops.cli.jobs.inspecting import Shown, tell
from wombat_gitops.domain.errors import LockError, NotFound, UserError, WombatError
from wombat_gitops.domain.grammar import MODULE_VERSION, matches
from wombat_gitops.domain.inspection import UselessPackages, diagnose
from wombat_gitops.domain.lock import LockFiles, lock_paths, render_lock
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.manifest.edit import upgraded_text, version_pointer
from wombat_gitops.domain.manifest.places import did_you_mean
from wombat_gitops.domain.manifest.reading import has_errors
from wombat_gitops.domain.manifest.render import render_text
from wombat_gitops.domain.model import Distribution
from wombat_gitops.domain.versions import bumped
from wombat_gitops.services.upgrades import Proposal, Upgrader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wombat_gitops.cli.jobs.folder import Examined
    from wombat_gitops.settings import Settings

_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class UpgradeOptions:
    """What to upgrade, and how.

    Attributes:
        names: distributions or paths; all where none is named.
        modules: `path` or `path@version`; all modules where none is named.
        dry_run: print a patch and write nothing.
        bump: raise the distribution's own version too.
    """

    names: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    dry_run: bool = False
    bump: bool = True


@dataclass(frozen=True, slots=True)
class _Change:
    """One manifest with newer modules: its text and its lock, before and after."""

    distribution: Distribution
    before: str
    after: str
    lock: LockFiles
    version: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    name: str
    proposal: Proposal | None = None
    change: _Change | None = None
    error: str = ""
    elsewhere: tuple[str, ...] = field(default=())


def upgrade(settings: Settings, options: UpgradeOptions, output: text.Output, *, verbose: bool) -> int:
    """Propose newer versions of modules that resolve together. Returns the exit code."""
    folder = Path(settings.repo, settings.folder)
    wanted = _wanted(options.modules)
    found = examine(choose(options.names, folder), folder)
    if has_errors(found.set.diagnostics):
        text.note(text.accented(render_text(found.set.diagnostics), sys.stderr), always=True)
    chosen = _having(found.set.distributions, wanted, named=bool(options.names))
    outcomes = running.run(_propose_all(settings, found, chosen, wanted, options, verbose=verbose)) if chosen else []
    root = Path(settings.repo)
    if options.dry_run and output is text.Output.TABLE:
        text.exact("".join(_patch(each.change, root) for each in outcomes if each.change is not None))
        for each in outcomes:
            if _state(each) == "up to date":
                text.note(f"{each.name}: nothing newer that resolves")
    else:
        if not options.dry_run:
            _write([each.change for each in outcomes if each.change is not None])
        items = [_item(each, root, dry_run=options.dry_run) for each in outcomes]
        text.emit({"items": items}, output, lambda: _table(outcomes))
    return max(_told(outcomes), exits.INVALID if has_errors(found.set.diagnostics) else exits.OK)


async def _propose_all(
    settings: Settings,
    found: Examined,
    chosen: Sequence[Distribution],
    wanted: Mapping[str, str],
    options: UpgradeOptions,
    *,
    verbose: bool,
) -> list[_Outcome]:
    from wombat_gitops.wiring.machine import go_tools

    tools = await go_tools(settings)
    upgrader = Upgrader(tools.resolver, tools.versions)

    async def one(distribution: Distribution) -> _Outcome:
        text.note(f"{distribution.name}: looking for newer versions")
        return await _propose(upgrader, found, distribution, wanted, options, Shown(verbose=verbose))

    return await running.side_by_side(one, chosen)


async def _propose(
    upgrader: Upgrader,
    found: Examined,
    distribution: Distribution,
    wanted: Mapping[str, str],
    options: UpgradeOptions,
    output: Shown,
) -> _Outcome:
    places = found.set.places[distribution.path]
    own = {each.path: "" for each in distribution.modules if version_pointer(places, each.path)}
    chosen = {path: version for path, version in wanted.items() if path in own} if wanted else own
    elsewhere = tuple(
        each.path for each in distribution.modules if each.path not in own and (not wanted or each.path in wanted)
    )
    try:
        proposal = await upgrader.propose(distribution, output, chosen)
        change = _change(found, proposal, bump=options.bump) if proposal.changes else None
    except UselessPackages as error:
        tell(diagnose(found.set.readings[distribution.path], error.inspection))
        return _Outcome(distribution.name, error=error.message, elsewhere=elsewhere)
    except LockError as error:
        text.error(f"{distribution.name}: {error.message}", error.hint)
        return _Outcome(distribution.name, error=error.message, elsewhere=elsewhere)
    return _Outcome(distribution.name, proposal, change, elsewhere=elsewhere)


def _change(found: Examined, proposal: Proposal, *, bump: bool) -> _Change:
    """The files of a proposal. Raises `LockError` where the manifest's text cannot be changed so."""
    old, places = proposal.distribution, found.set.places[proposal.distribution.path]
    changes = proposal.changes
    version = bumped(old.version, [(module.version, new) for module, new in changes]) if bump else old.version
    before = read_file(Path(old.path)).decode()
    after = upgraded_text(before, places, changes, (old.version, version) if bump else None)
    again = read_manifest(old.path, after.encode(), found.set.shared)
    if again.distribution is None or again.distribution.modules != proposal.upgraded.modules:
        reason = again.diagnostics[0].message if again.diagnostics else "it would mean something else"
        msg = f"`{old.path}` cannot be changed by itself: {reason}"
        raise LockError(msg, hint="change the versions by hand, then run `wombat lock`")
    assert proposal.lock is not None  # noqa: S101 - there are changes only with one
    return _Change(again.distribution, before, after, render_lock(again.distribution, proposal.lock), version)


def _write(changes: Sequence[_Change]) -> None:
    """Manifest first: stopped in between, its lock is stale, which `wombat lock` mends."""
    for change in changes:
        path = change.distribution.path
        try:
            replace_file(Path(path), change.after)
            write_lock(change.distribution, change.lock)
        except OSError as error:
            msg = f"cannot write `{path}` or its lock: {(error.strerror or 'unknown reason').lower()}"
            raise WombatError(msg) from error


def _patch(change: _Change, root: Path) -> str:
    go_mod, go_sum = lock_paths(change.distribution.path)
    parts: list[tuple[str, str | None, str]] = [(change.distribution.path, change.before, change.after)]
    parts += [(go_mod, _text(go_mod), change.lock.go_mod), (go_sum, _text(go_sum), change.lock.go_sum)]
    return "".join(_unified(os.path.relpath(path, root), before, after) for path, before, after in parts)


def _unified(path: str, before: str | None, after: str) -> str:
    """What `git apply` takes."""
    name = Path(path).as_posix()
    lines = difflib.unified_diff(
        _LINES.findall(before or ""),
        _LINES.findall(after),
        f"a/{name}" if before is not None else "/dev/null",
        f"b/{name}",
    )
    body = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    head = f"diff --git a/{name} b/{name}\n" + ("new file mode 100644\n" if before is None else "")
    return head + body if body else ""


def _text(path: str) -> str | None:
    return read_file(Path(path)).decode() if Path(path).is_file() else None


def _wanted(words: Sequence[str]) -> dict[str, str]:
    found = dict[str, str]()
    for word in words:
        path, _, version = word.partition("@")
        if version and not matches(MODULE_VERSION, version):
            msg = f"`{version[:80]}` is not an exact version"
            raise UserError(msg, hint="write it as `v1.2.3`, or leave it out for the newest one")
        found[path] = version
    return found


def _having(
    distributions: Sequence[Distribution], wanted: Mapping[str, str], *, named: bool
) -> tuple[Distribution, ...]:
    """Those that have one of the wanted modules.

    Raises:
        NotFound: none has, or one was named that has not.
    """
    for path in wanted:
        having = [each for each in distributions if any(module.path == path for module in each.modules)]
        if distributions and (not having or (named and len(having) < len(distributions))):
            names = ", ".join(f"`{each.name}`" for each in distributions if each not in having)
            msg = (
                f"{names} has no module `{path[:120]}`" if having or named else f"no manifest has module `{path[:120]}`"
            )
            known = {module.path for each in distributions for module in each.modules}
            hint = did_you_mean(path, known) or f"there are {', '.join(f'`{each}`' for each in sorted(known)[:8])}"
            raise NotFound(msg, hint=hint)
    paths = set(wanted)
    return tuple(each for each in distributions if not paths or paths & {module.path for module in each.modules})


def _told(outcomes: Sequence[_Outcome]) -> int:
    """Tell what could not be done; returns the exit code of it."""
    for outcome in outcomes:
        for path in outcome.elsewhere:
            words = f"{outcome.name}: the version of `{path}` stands in another manifest; change it there"
            text.note(words, always=True)
    code = tell_problems([each.proposal for each in outcomes if each.proposal is not None])
    return max(code, exits.FAILED if any(each.error for each in outcomes) else exits.OK)


def tell_problems(proposals: Sequence[Proposal]) -> int:
    """Tell what does not resolve, and which lists could not be had; returns the exit code of it."""
    unknown = dict[str, dict[str, None]]()
    for proposal in proposals:
        for news in proposal.modules:
            if news.problem:
                unknown.setdefault(news.problem, {})[news.module] = None
            elif news.reason:
                where = f"{proposal.distribution.name}: `{news.module}`"
                text.note(f"{where}: `{news.newest}` does not resolve: {news.reason}", always=True)
    for problem, modules in unknown.items():
        names = ", ".join(f"`{module}`" for module in modules)
        hint = (
            f"name a version, `wombat upgrade --module {next(iter(modules))}@v…`; "
            "or let GOPROXY name a proxy that tells versions (`/@v/list`)"
        )
        text.error(f"the versions of {names} are not known: {problem}", hint)
    return exits.UNREACHABLE if unknown else exits.OK


def _item(outcome: _Outcome, root: Path, *, dry_run: bool) -> dict[str, object]:
    change, proposal = outcome.change, outcome.proposal
    item: dict[str, object] = {
        "name": outcome.name,
        "state": _state(outcome),
        "version": change.version if change else "",
        "changes": [
            {"module": module.path, "from": module.version, "to": new}
            for module, new in (proposal.changes if proposal else ())
        ],
        "blocked": [
            {"module": news.module, "newest": news.newest, "reason": news.reason or news.problem}
            for news in (proposal.modules if proposal else ())
            if news.reason or news.problem
        ],
        "detail": outcome.error,
    }
    if dry_run and change is not None:
        item["patch"] = _patch(change, root)
    return item


def _version(outcome: _Outcome) -> str:
    if outcome.change is None or outcome.proposal is None:
        return ""
    old, new = outcome.proposal.distribution.version, outcome.change.version
    return f"{old} -> {new}" if old != new else f"{new} (as before)"


def _state(outcome: _Outcome) -> str:
    if outcome.error:
        return "failed"
    if outcome.change is not None:
        return "upgraded"
    unknown = outcome.proposal is not None and any(news.problem for news in outcome.proposal.modules)
    return "unknown" if unknown else "up to date"


_STYLES: Final = {"upgraded": text.Style.GOOD, "failed": text.Style.BAD, "unknown": text.Style.WARN}


def _table(outcomes: Sequence[_Outcome]) -> str:
    rows: list[list[text.Cell]] = []
    for outcome in outcomes:
        state = _state(outcome)
        version = _version(outcome)
        changes = outcome.proposal.changes if outcome.proposal else ()
        first: list[text.Cell] = [outcome.name, (state, _STYLES.get(state)), version]
        for module, new in changes:
            rows.append([*first, module.path, module.version, new])
            first = ["", "", ""]
        if not changes:
            rows.append([*first, "", "", ""])
    return text.table(["NAME", "STATE", "VERSION", "MODULE", "FROM", "TO"], rows) if rows else ""
