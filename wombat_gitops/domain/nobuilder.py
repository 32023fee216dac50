"""Why no builder can take a build that waits, in words for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.capability import size_text
from wombat_gitops.domain.catalogue import BuilderState
from wombat_gitops.domain.scheduling import fits, missing_labels, takes_c, takes_memory, takes_platform
from wombat_gitops.domain.subjects import builder_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.domain.catalogue import BuilderPresence
    from wombat_gitops.domain.records import BuildRecord

NO_BUILDER: Final = "NoBuilder"
"""Type of the condition."""

_NAMES: Final = 5


@dataclass(frozen=True, slots=True)
class NoBuilder:
    """What is missing: `NoneAtWork`, `NoneInService`, `Platform`, `CCompiler`, `Memory`, `Labels` or `Combination`."""

    reason: str
    message: str


def why_nobody(record: BuildRecord, builders: Sequence[BuilderPresence]) -> NoBuilder | None:
    """Why none of the *builders* that show signs of life can take a build; None where one can.

    How busy they are does not count: who waits for a free worker is served in time.
    """
    if not builders:
        return NoBuilder("NoneAtWork", "no builder is at work")
    able = [builder for builder in builders if fits(builder.can, record)]
    if any(builder.state is BuilderState.WORKING for builder in able):
        return None
    if able:
        return NoBuilder("NoneInService", _out_of_service(able, everybody=len(able) == len(builders)))
    working = [builder for builder in builders if builder.state is BuilderState.WORKING]
    return _lack(record, working or builders)


def _out_of_service(able: Sequence[BuilderPresence], *, everybody: bool) -> str:
    states = " or ".join(sorted({builder.state.value for builder in able}))
    if len(able) == 1:
        who = "the only builder" if everybody else f"`{builder_name(able[0].id)}`, the only builder that can take it,"
        return f"{who} is {states}{f': {able[0].reason}' if able[0].reason else ''}"
    names = ", ".join(f"`{builder_name(builder.id)}`" for builder in able[:_NAMES])
    more = f" and {len(able) - _NAMES} more" if len(able) > _NAMES else ""
    who = "all builders" if everybody else "all builders that can take it"
    return f"{who} are {states}: {names}{more}"


def _lack(record: BuildRecord, builders: Sequence[BuilderPresence]) -> NoBuilder:
    """What all *builders* lack, the first of it; where each lacks something else, everything that is needed."""
    spec, needs = record.spec, record.needs
    abilities = [builder.can for builder in builders]
    count = len(builders)
    at_work = "1 builder is at work, and does not take" if count == 1 else f"{count} builders are at work, none takes"
    if not any(takes_platform(can, spec.platform) for can in abilities):
        return NoBuilder("Platform", f"no builder for `{spec.platform}`: {at_work} that platform")
    if not any(takes_c(can, spec) for can in abilities):
        message = f"needs a builder with a C compiler for `{spec.platform}`, and there is none"
        return NoBuilder("CCompiler", message)
    if not any(takes_memory(can, needs) for can in abilities):
        largest = max(can.memory for can in abilities)
        message = f"needs {size_text(needs.memory)} of memory, the largest builder gives {size_text(largest)}"
        return NoBuilder("Memory", message)
    wanting = [label for label in needs.labels if all(label in missing_labels(can, needs) for can in abilities)]
    labels = ", ".join(f"`{key}={value}`" for key, value in wanting or needs.labels)
    word = "label" if len(wanting or needs.labels) == 1 else "labels"
    if wanting:
        return NoBuilder("Labels", f"needs a builder with {word} {labels}, and there is none")
    wanted = [f"`{spec.platform}`"]
    wanted += ["a C compiler"] if spec.cgo else []
    wanted += [f"{size_text(needs.memory)} of memory"] if needs.memory else []
    wanted += [f"{word} {labels}"] if needs.labels else []
    return NoBuilder("Combination", f"no builder has all that it needs: {', '.join(wanted)}")
