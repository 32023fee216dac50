"""A manifest with its lock and the policies that hold for it: can it be used, and if not, why?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.domain import policy
from wombat_gitops.domain.lock import examine_lock, parse_go_mod

if TYPE_CHECKING:
    from wombat_gitops.domain.diagnostics import Diagnostic
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
    return (None if violations else lock), (*problems, *violations)
