"""A manifest with its lock and the policies that hold for it: can it be used, and if not, why?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wombat_gitops.domain import policy
from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.lock import examine_lock, parse_go_mod
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.pipelines import inside
from wombat_gitops.domain.manifest.places import shown
from wombat_gitops.domain.pipeline import read_pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.gomod import GoMod
    from wombat_gitops.domain.manifest import Reading
    from wombat_gitops.domain.model import Distribution, Lock

_STARTS_PROGRAMS: Final = frozenset(
    {
        Component("processor", "command"),
        Component("input", "subprocess"),
        Component("processor", "subprocess"),
        Component("output", "subprocess"),
    }
)
"""Components of Benthos 4.77 that run what their configuration names."""


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
    return (None if violations else lock), (*problems, *idle, *violations, *_programs_of_tests(reading, distribution))


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


def _programs_of_tests(reading: Reading, distribution: Distribution) -> Iterator[Diagnostic]:
    """A warning at each component of a test that starts a program on the builder."""
    for index, test in enumerate(distribution.tests):
        pointer = f"/tests/{index}/config"
        for need in read_pipeline("", test.config.encode(), _STARTS_PROGRAMS).needs:
            span = inside(reading.places, pointer, need.line - 1, need.column - 1)
            component = f"{need.component.kind} `{need.component.name}`"
            message = f"test {shown(test.name)} starts a program on the builder with the {component}"
            hint = (
                "tests run only inside the builder's sandbox, without a network; builders without a sandbox refuse them"
            )
            yield reading.places.problem_at(
                rules.PIPELINE_PROGRAM, message, span, pointer=pointer, hint=hint, severity=Severity.WARNING
            )
