"""Looking into the modules of distributions: what is wrong with their packages and licences, at their lines."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wombat_gitops.cli import running, text
from wombat_gitops.domain import inspection, policy
from wombat_gitops.domain.errors import LockError
from wombat_gitops.domain.lock import lock_paths
from wombat_gitops.domain.manifest import Reading, rules
from wombat_gitops.domain.manifest.render import render_text
from wombat_gitops.domain.model import Distribution, Lock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wombat_gitops.domain.contents import Inspection
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.ports import Inspector
    from wombat_gitops.settings import Settings
    from wombat_gitops.wiring.machine import GoTools


class Shown:
    """Passes on what the toolchain prints, or drops it."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._passing = text.Passing(sys.stderr)

    async def write(self, data: bytes) -> None:
        """Take some output."""
        if self._verbose:
            self._passing.write(data)


@dataclass(frozen=True, slots=True)
class Locked:
    """A distribution with a lock that fits it, and where its values stand."""

    distribution: Distribution
    lock: Lock
    reading: Reading


async def look_into(settings: Settings, locked: Iterable[Locked]) -> tuple[Diagnostic, ...]:
    """What is wrong inside of distributions. Raises `Unreachable` where the module proxy does not answer."""
    from wombat_gitops.wiring.machine import inspector

    tool = await inspector(settings)
    found = await running.side_by_side(lambda each: look_into_one(tool, each), tuple(locked))
    return tuple(sorted(problem for problems, _ in found for problem in problems))


async def look_into_one(tool: Inspector, locked: Locked) -> tuple[tuple[Diagnostic, ...], Inspection | None]:
    """What is wrong inside of one distribution, and what is in it where that can be told."""
    name, packages = locked.distribution.name, len(locked.distribution.packages)
    text.note(f"{name}: looking into {text.plural(packages, 'package')}")
    try:
        found = await tool.inspect(locked.distribution, locked.lock, Shown(verbose=text.is_verbose()))
    except LockError as error:
        return (unlisted(locked.reading, error),), None
    return judge(locked.reading, locked.distribution, found), found


def judge(reading: Reading, distribution: Distribution, found: Inspection) -> tuple[Diagnostic, ...]:
    """What is to be said of the contents of a distribution's programs."""
    rules_ = distribution.policies
    violations = [each for _, contents in found.platforms for each in policy.judge_contents(rules_, contents)]
    return tuple(sorted({*inspection.diagnose(reading, found), *policy.diagnose(reading, violations)}))


def unlisted(reading: Reading, error: LockError) -> Diagnostic:
    """The problem of a lock whose modules cannot be listed."""
    folder = lock_paths(reading.places.path)[0].removesuffix("/go.mod")
    message = f"the modules of `{folder}` cannot be listed: {error.message}"
    return reading.places.problem(rules.LOCK_UNREADABLE, message, "/name", hint=error.hint)


def tell(problems: Iterable[Diagnostic]) -> None:
    """Show problems on standard error."""
    text.note(text.accented(render_text(tuple(sorted(problems))), sys.stderr), always=True)


async def tell_notices(tools: GoTools, distribution: Distribution) -> None:
    """Warn of modules that their owners have retracted or deprecated."""
    for notice in await tools.versions.notices(distribution.modules, distribution.toolchain):
        for sentence in notice.sentences:
            text.note(f"{distribution.name}: warning: {sentence}", always=True)
