"""`wombat lock`: exact modules for manifests."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wombat_gitops.cli import exits, running, text
from wombat_gitops.cli.jobs.folder import choose, examine, write_lock
from wombat_gitops.domain.errors import LockError, WombatError
from wombat_gitops.domain.lock import lock_paths, render_lock
from wombat_gitops.domain.manifest.reading import has_errors
from wombat_gitops.domain.manifest.render import render_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.domain.model import Distribution
    from wombat_gitops.ports import Resolver
    from wombat_gitops.settings import Settings


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    state: str
    path: str
    detail: str = ""


_STYLES = {"up to date": None, "written": text.Style.GOOD, "stale": text.Style.WARN, "failed": text.Style.BAD}


def lock(
    settings: Settings, words: Sequence[str], output: text.Output, *, check: bool, force: bool, verbose: bool
) -> int:
    """Lock what needs it; one that fails does not keep the others from being done. Returns the exit code.

    Args:
        check: only tell which locks are missing or stale.
        force: resolve also what is up to date.
        verbose: show what the toolchain prints.
    """
    folder = Path(settings.repo, settings.folder)
    found = examine(choose(words, folder), folder)
    if has_errors(found.set.diagnostics):
        text.note(text.accented(render_text(found.set.diagnostics), sys.stderr), always=True)
    current = [each for each in found.set.distributions if not found.lock_problems[each.path]]
    wanted = [each for each in found.set.distributions if (force and not check) or each not in current]
    if check:
        rows = [_Row(each.name, "stale", _folder(each), _reasons(found.lock_problems[each.path])) for each in wanted]
        if wanted:
            text.note(f"run `{shlex.join(['wombat', 'lock', *(each.path for each in wanted)])}`", always=True)
    else:
        rows = running.run(_lock_all(settings, wanted, verbose=verbose)) if wanted else []
    done = {row.name for row in rows}
    rows += [_Row(each.name, "up to date", _folder(each)) for each in current if each.name not in done]
    rows.sort(key=lambda row: row.name)
    items = [{"name": row.name, "state": row.state, "path": row.path, "detail": row.detail} for row in rows]
    text.emit({"items": items}, output, lambda: _table(rows))
    if has_errors(found.set.diagnostics):
        return exits.INVALID
    return exits.FAILED if any(row.state in {"failed", "stale"} for row in rows) else exits.OK


async def _lock_all(settings: Settings, wanted: Sequence[Distribution], *, verbose: bool) -> list[_Row]:
    from wombat_gitops.wiring.machine import resolver

    tool = await resolver(settings)
    return await running.side_by_side(lambda each: _lock_one(tool, each, verbose=verbose), wanted)


async def _lock_one(tool: Resolver, distribution: Distribution, *, verbose: bool) -> _Row:
    text.note(
        f"{distribution.name}: resolving {text.plural(len(distribution.modules), 'module')} for "
        f"{text.plural(len(distribution.platforms), 'platform')}"
    )
    try:
        resolved = await tool.resolve(distribution, Shown(verbose=verbose))
        folder = write_lock(distribution, render_lock(distribution, resolved))
    except LockError as error:
        text.error(f"{distribution.name}: {error.message}", error.hint)
        return _Row(distribution.name, "failed", _folder(distribution), error.message)
    except OSError as error:
        msg = f"cannot write `{_folder(distribution)}`: {(error.strerror or 'unknown reason').lower()}"
        raise WombatError(msg) from error
    return _Row(distribution.name, "written", folder.as_posix())


class Shown:
    """Passes on what the toolchain prints, or drops it."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose

    async def write(self, data: bytes) -> None:
        """Take some output."""
        if self._verbose:
            sys.stderr.write(data.decode("utf-8", "replace"))


def _folder(distribution: Distribution) -> str:
    return Path(lock_paths(distribution.path)[0]).parent.as_posix()


def _reasons(problems: Sequence[object]) -> str:
    return "; ".join(str(getattr(problem, "message", problem)) for problem in problems)


def _table(rows: Sequence[_Row]) -> str:
    if not rows:
        return ""
    cells: list[list[text.Cell]] = [[row.name, (row.state, _STYLES[row.state]), row.path, row.detail] for row in rows]
    return text.table(["NAME", "LOCK", "PATH", "WHY" if any(row.detail for row in rows) else ""], cells)
