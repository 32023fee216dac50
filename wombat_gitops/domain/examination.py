"""A manifest with its lock and the policies that hold for it: can it be used, and if not, why?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.domain import policy
from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.lock import examine_lock, parse_go_mod
from wombat_gitops.domain.manifest import rules

if TYPE_CHECKING:
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.gomod import GoMod
    from wombat_gitops.domain.manifest import Reading
    from wombat_gitops.domain.model import Distribution, Lock


def examine(
    reading: Reading, distribution: Distribution, go_mod: bytes | None, go_sum: bytes | None
) -> tuple[Lock | None, tuple[Diagnostic, ...]]:
    """Read a distribution's lock, check it against the manifest, and both against its policies.

    Args:
        go_mod: the file's bytes, or None where there is no such file.

    Returns:
        The lock, or None and why it cannot be used.
    """
    lock, problems = examine_lock(distribution, go_mod, go_sum, reading.places)
    parsed = parse_go_mod(lock.go_mod) if lock is not None else None
    violations = policy.diagnose(reading, policy.judge_distribution(distribution, parsed))
    idle = _idle_replacements(reading, distribution, parsed) if parsed is not None else ()
    return (None if violations else lock), (*problems, *idle, *violations)


def _idle_replacements(reading: Reading, distribution: Distribution, parsed: GoMod) -> tuple[Diagnostic, ...]:
    """A warning at each replacement of what a lock does not require."""
    required = {module.path: module.version for module in (*parsed.direct, *parsed.indirect)}
    found = []
    for each in distribution.replaces:
        version = required.get(each.path, "")
        if version and each.version in {"", version}:
            continue
        what = f"`{each.path}`{f' at `{each.version}`' if each.version else ''}"
        message = f"{what} is replaced, and {f'`{version}` is required' if version else 'nothing requires it'}"
        hint = f"replace `{version}`" if version else "correct the path, or remove it"
        found.append(
            reading.places.problem(rules.IDLE_REPLACEMENT, message, "/replaces", hint=hint, severity=Severity.WARNING)
        )
    return tuple(found)
