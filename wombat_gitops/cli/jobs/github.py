"""`wombat github validate` and `wombat github comment`: what GitHub's workflows run.

The first one reads a pull request and may be influenced by it; it has no secrets. The second one has a
token and runs only code of the base branch; it takes the first one's report as data, reads it strictly,
and renders it anew.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.cli import exits, running, text
from wombat_gitops.cli.jobs.changes import Changes, Comparison, read_changes, read_report
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.errors import NotFound, Refused, Unreachable, UserError
from wombat_gitops.domain.manifest.render import render_github, render_text
from wombat_gitops.domain.messages import as_json
from wombat_gitops.domain.report import render_markdown, summary
from wombat_gitops.wiring.sources import base_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.domain.delta import Delta
    from wombat_gitops.settings import Settings

_SUMMARY_LIMIT: Final = 900_000
"""Bytes of a job summary; GitHub drops one of more than 1 MiB whole."""

_ANNOTATIONS: Final = 10
"""Annotations of each level that GitHub shows of a step; it drops the rest without a word."""

_REPORT_LIMIT: Final = 5_000_000
_NO_COMMIT: Final = "0" * 40
_LEVELS: Final = (Severity.ERROR, Severity.WARNING, Severity.HINT)


@dataclass(frozen=True, slots=True)
class GithubOptions:
    """How to validate: what to compare with ("" lets the event say), and where to write the report."""

    base: str = ""
    report: Path | None = None
    inspect: bool = False


@dataclass(frozen=True, slots=True)
class Base:
    """What a checkout is compared with: nothing where *revision* is ""; with *since*, where the work left it."""

    revision: str = ""
    since: bool = False


def validate(settings: Settings, options: GithubOptions) -> int:
    """Validate what is checked out, against where it is going to; returns the exit code.

    Everything that is told on the way is between marks, so that no text of a manifest, of a module or of Go is
    taken for a command of the workflow. Where this breaks off, they stay in force to the end of the step.
    """
    environment = os.environ
    mark = secrets.token_hex(16)
    _say(f"::stop-commands::{mark}")
    base = Base(options.base, since=True) if options.base else _base(settings, environment)
    changes = _read(settings, base, inspect=options.inspect)
    _say(render_text(changes.diagnostics))
    told = _write(changes.delta, environment, options.report)
    text.note(summary(changes.delta), always=True)
    _say(f"::{mark}::")
    touched = {change.path for change in changes.delta.distributions} | {each.path for each in changes.delta.shared}
    _say(render_github(choose_annotations(changes.diagnostics, touched)).rstrip("\n"))
    _append(environment.get("GITHUB_OUTPUT"), told)
    return exits.OK if changes.delta.valid else exits.INVALID


def comment(report: Path) -> int:
    """Put a report into the one comment of its pull request; returns the exit code."""
    from wombat_gitops.adapters.pullrequests import GithubPullRequests

    environment = os.environ
    delta = _report(report)
    api, repository = environment.get("GITHUB_API_URL", ""), environment.get("GITHUB_REPOSITORY", "")
    token = environment.get("GITHUB_TOKEN", "")
    if not (api and repository and token):
        msg = "GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_TOKEN have to be set"
        raise UserError(msg, hint="run it in a workflow of GitHub, with `pull-requests: write`")
    event = _event(environment)
    pulls = GithubPullRequests(api, repository, token)
    request = pulls.find(event, delta.base)
    if request is None:
        text.note("no open pull request is at the commit of this event any more; nothing to comment on", always=True)
        return exits.OK
    body = render_markdown(delta, commit=request.commit, rest=_summary_url(environment, event))
    done = pulls.comment(request.number, body, needed=bool(delta.distributions or delta.shared or delta.problems))
    text.note(f"pull request {request.number}: {done}", always=True)
    return exits.OK


def base_of_event(event: Mapping[str, object], merged: str) -> Base:
    """What the checkout of an event is compared with.

    Args:
        merged: the commit that `HEAD` merges into its first parent, or "". GitHub checks a pull request out as
            such a merge, into a base branch that may be newer than the event says.
    """
    pull = event.get("pull_request")
    if isinstance(pull, dict):
        head = _commit(pull.get("head"), "sha")
        return Base("HEAD^1") if head and head == merged else Base(_commit(pull.get("base"), "sha"), since=True)
    group = event.get("merge_group")
    return Base(_commit(group, "base_sha")) if isinstance(group, dict) else Base(_commit(event, "before"))


def _commit(place: object, name: str) -> str:
    value = place.get(name) if isinstance(place, dict) else None
    good = isinstance(value, str) and len(value) in {40, 64} and all(char in "0123456789abcdef" for char in value)
    return value if good and isinstance(value, str) and value != _NO_COMMIT else ""


def _base(settings: Settings, environment: Mapping[str, str]) -> Base:
    try:
        merged = running.run(base_source(settings, "HEAD^2").revision())
    except NotFound:
        merged = ""
    return base_of_event(_event(environment), merged)


def _event(environment: Mapping[str, str]) -> dict[str, object]:
    path = environment.get("GITHUB_EVENT_PATH", "")
    if not path:
        return {}
    try:
        event = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"the event `{path}` cannot be read"
        raise UserError(msg, hint="GITHUB_EVENT_PATH names a JSON file in a workflow of GitHub") from error
    return event if isinstance(event, dict) else {}


def _read(settings: Settings, base: Base, *, inspect: bool) -> Changes:
    """Read and compare; what cannot be had to compare with is told, and the check is done without it."""
    wanted = Comparison(base.revision, base.since, inspect=inspect, sizes=bool(settings.server or settings.nats))
    if base.revision:
        try:
            return _compare(settings, wanted)
        except NotFound as error:
            text.error(error.message, "check out with `fetch-depth: 0`, so that there is something to compare with")
    text.note("nothing to compare with: everything counts as new", always=True)
    return _compare(settings, replace(wanted, base=""))


def _compare(settings: Settings, wanted: Comparison) -> Changes:
    try:
        return running.run(read_changes(settings, wanted))
    except Unreachable as error:
        if not wanted.sizes:
            raise
        text.error(f"{error.message}, so nothing counts as built", error.hint)
        return running.run(read_changes(settings, replace(wanted, sizes=False)))


def _write(delta: Delta, environment: Mapping[str, str], given: Path | None) -> str:
    """Write report and summary; returns the step's outputs."""
    folder = given or Path(environment.get("RUNNER_TEMP") or ".") / "wombat-report"
    folder.mkdir(parents=True, exist_ok=True)
    page = render_markdown(delta, limit=_SUMMARY_LIMIT)
    (folder / "report.json").write_text(json.dumps(as_json(delta)), encoding="utf-8")
    (folder / "report.md").write_text(page, encoding="utf-8")
    _append(environment.get("GITHUB_STEP_SUMMARY"), page)
    outputs = {
        "valid": "true" if delta.valid else "false",
        "changed": "true" if delta.distributions or delta.shared else "false",
        "report-path": str(folder),
        "plan-json": str(folder / "report.json"),
    }
    return "".join(f"{name}={value}\n" for name, value in outputs.items())


def _report(path: Path) -> Delta:
    if not path.is_file():
        msg = f"there is no report `{path}`"
        raise NotFound(msg, hint="name the file `report.json` that `wombat github validate` wrote")
    with path.open("rb") as file:
        data = file.read(_REPORT_LIMIT + 1)
    if len(data) > _REPORT_LIMIT:
        msg = f"the report has more than {_REPORT_LIMIT:,} bytes"
        raise Refused(msg)
    return read_report(data)


def _summary_url(environment: Mapping[str, str], event: Mapping[str, object]) -> str:
    """The page of the run that validated, which has the summary: this one, or the one that this one follows."""
    server, repository = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_REPOSITORY", "")
    before = event.get("workflow_run")
    run = before.get("id") if isinstance(before, dict) else environment.get("GITHUB_RUN_ID")
    return f"{server}/{repository}/actions/runs/{run}" if server and str(run).isdigit() else ""


def _say(words: str) -> None:
    """Write to standard output at once, since commands count in the order in which they come."""
    if words:
        sys.stderr.flush()
        text.out(words)
        sys.stdout.flush()


def choose_annotations(problems: Iterable[Diagnostic], touched: Iterable[str]) -> list[Diagnostic]:
    """The problems that are shown at their lines: those of changed files first, one of each file first."""
    changed = set(touched)
    shown: list[Diagnostic] = []
    for level in _LEVELS:
        mine = sorted(problem for problem in problems if problem.severity is level)
        seen: dict[str, int] = {}
        ranked = []
        for problem in mine:
            seen[problem.path] = seen.get(problem.path, 0) + 1
            ranked.append((problem.path not in changed, seen[problem.path], problem))
        chosen = [problem for _, _, problem in sorted(ranked)]
        if len(chosen) > _ANNOTATIONS:
            left = len(chosen) - _ANNOTATIONS + 1
            last = chosen[_ANNOTATIONS - 1]
            more = Diagnostic(
                last.path, 0, 0, last.rule, f"and {left} more, see the summary of this job", severity=level
            )
            chosen = [*chosen[: _ANNOTATIONS - 1], more]
        shown += chosen
    return shown


def _append(path: str | None, words: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8", newline="\n") as file:
            file.write(words)
