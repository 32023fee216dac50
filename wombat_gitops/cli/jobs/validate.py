"""`wombat validate`: every problem of every manifest and lock."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wombat_gitops.adapters.git.disk import check_folder_on_disk
from wombat_gitops.cli import exits, text
from wombat_gitops.cli.jobs.folder import choose, examine
from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.manifest.render import render_github, render_json, render_text
from wombat_gitops.wiring.policies import operator_policies

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wombat_gitops.cli.jobs.folder import Examined
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.model import Policy
    from wombat_gitops.settings import Settings


def validate(settings: Settings, paths: Sequence[str], form: str, *, inspect: bool = False) -> int:
    """Check files; returns the exit code.

    Args:
        inspect: look into the modules of those whose locks can be used, too.

    Raises:
        NotFound: a policy that `WOMBAT_POLICY` names is not there.
        UnusableSource: the folder with the manifests is missing, a link or a submodule.
        Unreachable: what is inside of a distribution has to be downloaded, and cannot be.
    """
    folder = Path(settings.repo, settings.folder)
    if not paths:
        check_folder_on_disk(Path(settings.repo), settings.folder)
    found = examine(choose(paths, folder), folder)
    problems = list(found.diagnostics)
    operator = operator_policies(settings)
    if operator:
        problems += _refused(found, operator)
    if inspect:
        from wombat_gitops.cli import running
        from wombat_gitops.cli.jobs.inspecting import Locked, look_into

        locked = [
            Locked(replace(each, policies=(*each.policies, *operator)), lock, found.set.readings[each.path])
            for each in found.set.distributions
            if (lock := found.locks[each.path]) is not None
        ]
        problems += running.run(look_into(settings, locked))
    problems.sort()
    match form:
        case "json":
            text.out(render_json(problems), end="")
        case "github":
            text.out(render_github(problems), end="")
        case _:
            text.out(text.accented(render_text(problems)), end="")
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    if form == "text":
        text.note(_summary(found.manifests, problems))
    return exits.INVALID if errors else exits.OK


def _refused(found: Examined, operator: tuple[Policy, ...]) -> Iterator[Diagnostic]:
    """What only the operator does not allow."""
    from wombat_gitops.domain import policy
    from wombat_gitops.domain.lock import parse_go_mod

    for each in found.set.distributions:
        lock = found.locks[each.path]
        parsed = parse_go_mod(lock.go_mod) if lock is not None else None
        violations = policy.judge_distribution(replace(each, policies=operator), parsed)
        yield from policy.diagnose(found.set.readings[each.path], violations)


def _summary(manifests: int, problems: Sequence[Diagnostic]) -> str:
    if not manifests and not problems:
        return "there are no manifests to check"
    counts = Counter(problem.severity for problem in problems)
    told = [text.plural(counts[level], level.value) for level in Severity if counts[level]]
    if not told:
        return f"{text.plural(manifests, 'manifest')} checked, no problems"
    if not manifests:
        return f"\n{', '.join(told)}; there are no manifests to check"
    files = len({problem.path for problem in problems})
    of_all = f" of {manifests}" if manifests != files else ""
    end = f"{', '.join(told)} in {files}{of_all} manifest{'' if max(files, manifests) == 1 else 's'}"
    return f"\n{end}"
