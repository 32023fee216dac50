"""`wombat gc`, by the service itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.cli import exits, running, text
from wombat_gitops.domain.messages import as_json
from wombat_gitops.domain.retention import CollectAnswer, CollectRequest
from wombat_gitops.wiring.keeping import collecting

if TYPE_CHECKING:
    from wombat_gitops.settings import Settings


def gc(settings: Settings, output: text.Output, *, dry_run: bool, confirm: bool) -> int:
    """Clear away, or tell what would go; returns the exit code. Raises `Unreachable`."""

    async def work() -> CollectAnswer:
        async with collecting(settings) as service:
            return await service.collect(CollectRequest(dry_run, confirm))

    answer = running.run(work())
    text.emit(as_json(answer), output, lambda: _table(answer))
    if output is text.Output.TABLE:
        _notes(answer)
    return exits.REFUSED if answer.refused and not dry_run else exits.OK


def _table(answer: CollectAnswer) -> str:
    rows: list[list[text.Cell]] = [
        [
            "build",
            f"{each.name} {each.version} {each.platform}",
            text.state(each.state.value),
            each.why.value,
            text.size(each.size) if each.size else "",
        ]
        for each in answer.retired
    ]
    rows += [
        [each.kind, each.name[:24], "", each.why.value, text.size(each.size) if each.size else ""]
        for each in answer.swept
    ]
    if not rows:
        return ""
    return text.table(["WHAT", "NAME", "STATE", "WHY", "SIZE"], rows)


def _notes(answer: CollectAnswer) -> None:
    more = len(answer.retired) < answer.retired_total or len(answer.swept) < answer.swept_total
    if more and not answer.refused:
        text.note(f"in all {answer.retired_total} builds and {answer.swept_total} stored things")
    text.note(_sum(answer))
    if answer.waiting:
        text.note(f"{answer.waiting} stored things ({text.size(answer.waiting_bytes)}) wait out their grace")
    if answer.excess:
        text.warning(f"the quota is exceeded by {text.size(answer.excess)}: everything else is asked for or pinned")
    if answer.held:
        text.warning(f"stored things are left alone: {answer.held}")
    if answer.refused:
        text.error(answer.refused, "`wombat gc --confirm` does it all the same")


def _sum(answer: CollectAnswer) -> str:
    freed = f"{text.size(answer.freed)} of {text.size(answer.stored)} of artifacts"
    if not answer.retired and not answer.swept:
        return "nothing is to be cleared away"
    if answer.dry_run:
        return f"would free {freed}, and {text.size(answer.reclaimed)} at once"
    if answer.refused and not answer.swept:
        return "nothing was cleared away"
    if not answer.done:
        return "the service is at it; its log tells when it is done"
    return f"freed {freed} after the grace, and {text.size(answer.reclaimed)} at once"
