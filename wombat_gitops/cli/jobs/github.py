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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.cli import exits, running, text
from wombat_gitops.cli.jobs.changes import Changes, read_changes, read_report
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.errors import NotFound, Refused, UserError
from wombat_gitops.domain.manifest.render import render_github, render_text
from wombat_gitops.domain.messages import encode
from wombat_gitops.domain.report import render_markdown, summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.settings import Settings

_SUMMARY_LIMIT: Final = 900_000
"""Characters of a job summary; GitHub drops one of more than 1 MiB whole."""

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


def validate(settings: Settings, options: GithubOptions) -> int:
    """Validate what is checked out, against where it is going to; returns the exit code."""
    environment = os.environ
    base = options.base or base_of_event(environment)
    changes = _read(settings, base, inspect=options.inspect)
    _tell(changes)
    folder = options.report or Path(environment.get("RUNNER_TEMP") or ".") / "wombat-report"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_bytes(encode(changes.delta))
    (folder / "report.md").write_text(render_markdown(changes.delta, limit=_SUMMARY_LIMIT), encoding="utf-8")
    _append(environment.get("GITHUB_STEP_SUMMARY"), render_markdown(changes.delta, limit=_SUMMARY_LIMIT))
    outputs = {
        "valid": "true" if changes.delta.valid else "false",
        "changed": "true" if changes.delta.distributions or changes.delta.shared else "false",
        "report-path": str(folder),
        "plan-json": str(folder / "report.json"),
    }
    _append(environment.get("GITHUB_OUTPUT"), "".join(f"{name}={value}\n" for name, value in outputs.items()))
    text.note(summary(changes.delta), always=True)
    return exits.OK if changes.delta.valid else exits.INVALID


def comment(report: Path) -> int:
    """Put a report into the one comment of its pull request; returns the exit code."""
    from wombat_gitops.adapters.pullrequests import GithubPullRequests

    environment = os.environ
    if not report.is_file():
        msg = f"there is no report `{report}`"
        raise NotFound(msg, hint="name the file `report.json` that `wombat github validate` wrote")
    with report.open("rb") as file:
        data = file.read(_REPORT_LIMIT + 1)
    if len(data) > _REPORT_LIMIT:
        msg = f"the report has more than {_REPORT_LIMIT:,} bytes"
        raise Refused(msg)
    delta = read_report(data)
    api, repository = environment.get("GITHUB_API_URL", ""), environment.get("GITHUB_REPOSITORY", "")
    token = environment.get("GITHUB_TOKEN", "")
    if not (api and repository and token):
        msg = "GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_TOKEN have to be set"
        raise UserError(msg, hint="run it in a workflow of GitHub, with `pull-requests: write`")
    run = f"{environment.get('GITHUB_SERVER_URL', '')}/{repository}/actions/runs/{environment.get('GITHUB_RUN_ID', '')}"
    pulls = GithubPullRequests(api, repository, token)
    number = pulls.number_of(_event(environment))
    body = render_markdown(delta, rest=f"the summary of {run}" if environment.get("GITHUB_RUN_ID") else "")
    done = pulls.comment(number, body, needed=bool(delta.distributions or delta.shared or delta.problems))
    text.note(f"pull request {number}: {done}", always=True)
    return exits.OK


def base_of_event(environment: Mapping[str, str]) -> str:
    """The commit that what is checked out is compared with, "" where the event has none."""
    event = _event(environment)
    pull = event.get("pull_request")
    if isinstance(pull, dict) and isinstance(pull.get("base"), dict):
        return _commit(pull["base"].get("sha"))
    group = event.get("merge_group")
    if isinstance(group, dict):
        return _commit(group.get("base_sha"))
    return _commit(event.get("before"))


def _commit(value: object) -> str:
    good = isinstance(value, str) and len(value) in {40, 64} and all(char in "0123456789abcdef" for char in value)
    return value if good and isinstance(value, str) and value != _NO_COMMIT else ""


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


def _read(settings: Settings, base: str, *, inspect: bool) -> Changes:
    if base:
        try:
            return running.run(read_changes(settings, base, since=False, inspect=inspect))
        except NotFound as error:
            text.error(error.message, "check out with `fetch-depth: 0`, so that there is something to compare with")
    text.note("nothing to compare with: everything counts as new", always=True)
    return running.run(read_changes(settings, "", since=False, inspect=inspect))


def _tell(changes: Changes) -> None:
    """All problems as text between marks, so that no text of a manifest is taken for a command; then annotations."""
    mark = secrets.token_hex(16)
    sys.stdout.write(f"::stop-commands::{mark}\n{render_text(changes.diagnostics)}\n::{mark}::\n")
    touched = {change.path for change in changes.delta.distributions} | {each.path for each in changes.delta.shared}
    sys.stdout.write(render_github(choose_annotations(changes.diagnostics, touched)))
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
