"""`wombat outdated`: which modules of manifests have newer versions, and which of those go together."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wombat_gitops.cli import exits, running, text
from wombat_gitops.cli.jobs.folder import choose, examine
from wombat_gitops.cli.jobs.inspecting import Shown, tell_notices
from wombat_gitops.cli.jobs.upgrade import tell_problems
from wombat_gitops.domain.errors import LockError
from wombat_gitops.domain.manifest.reading import has_errors
from wombat_gitops.domain.manifest.render import render_text
from wombat_gitops.domain.versions import GO
from wombat_gitops.services.upgrades import ModuleNews, Proposal, Upgrader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.domain.model import Distribution
    from wombat_gitops.settings import Settings


def outdated(settings: Settings, words: Sequence[str], output: text.Output, *, detailed: bool, verbose: bool) -> int:
    """Tell of each module the newest version, and the newest that resolves with the rest. Returns the exit code.

    Args:
        detailed: another exit code where something is newer.
    """
    folder = Path(settings.repo, settings.folder)
    found = examine(choose(words, folder), folder)
    if has_errors(found.set.diagnostics):
        text.note(text.accented(render_text(found.set.diagnostics), sys.stderr), always=True)
    asked = running.run(_ask_all(settings, found.set.distributions, verbose=verbose)) if found.set.distributions else []
    proposals = [each for each in asked if each is not None]
    items = [_item(proposal, news) for proposal in proposals for news in _all_news(proposal)]
    text.emit({"items": items}, output, lambda: _table(proposals))
    codes = [tell_problems(proposals)]
    codes += [exits.FAILED] if len(proposals) < len(asked) else []
    codes += [exits.INVALID] if has_errors(found.set.diagnostics) else []
    if any(codes):
        return max(codes)
    newer = any(news.newest != news.current for proposal in proposals for news in _all_news(proposal))
    return exits.CHANGES if detailed and newer else exits.OK


async def _ask_all(
    settings: Settings, distributions: Sequence[Distribution], *, verbose: bool
) -> list[Proposal | None]:
    from wombat_gitops.wiring.machine import go_tools

    tools = await go_tools(settings)
    upgrader = Upgrader(tools.resolver, tools.versions)

    async def one(distribution: Distribution) -> Proposal | None:
        text.note(f"{distribution.name}: looking for newer versions")
        try:
            proposal = await upgrader.propose(distribution, Shown(verbose=verbose))
        except LockError as error:
            text.error(f"{distribution.name}: {error.message}", error.hint)
            return None
        await tell_notices(tools, distribution)
        return proposal

    return await running.side_by_side(one, distributions)


def _all_news(proposal: Proposal) -> tuple[ModuleNews, ...]:
    """Of the modules, and of Go itself where its releases are told."""
    current = proposal.distribution.toolchain
    go = (ModuleNews(GO, current, proposal.go, current),) if proposal.go else ()
    return (*proposal.modules, *go)


def _item(proposal: Proposal, news: ModuleNews) -> dict[str, object]:
    return {
        "name": proposal.distribution.name,
        "module": news.module,
        "current": news.current,
        "newest": news.newest or None,
        "together": news.together,
        "reason": news.reason or news.problem,
    }


def _table(proposals: Sequence[Proposal]) -> str:
    rows: list[list[text.Cell]] = []
    for proposal in proposals:
        for news in _all_news(proposal):
            newer = text.Style.WARN if news.newest != news.current else None
            rows.append(
                [
                    proposal.distribution.name,
                    news.module,
                    news.current,
                    (news.newest or "unknown", newer),
                    "" if news.module == GO else news.together,
                ]
            )
    return text.table(["NAME", "MODULE", "CURRENT", "NEWEST", "TOGETHER"], rows) if rows else ""
