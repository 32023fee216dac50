"""What GitHub's workflows run, with GitHub's variables and event files, on real repositories and a local API."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.githubapi import Api
from tests.support.gitrepo import GitRepo
from tests.support.manifests import GO_MOD, GO_SUM, SMALL
from wombat_gitops.cli import exits
from wombat_gitops.cli.jobs.github import choose_annotations
from wombat_gitops.cli.main import run
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.lock import render_lock
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.model import Lock
from wombat_gitops.domain.report import MARKER

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "manifests/example.yaml"


def files(text: str, path: str = PATH) -> dict[str, str | None]:
    """A manifest and its lock."""
    distribution = read_manifest(path, text.encode()).distribution
    if distribution is None:
        return {path: text}
    lock = render_lock(distribution, Lock(GO_MOD, GO_SUM))
    folder = path.removesuffix(".yaml") + ".lock"
    return {path: text, f"{folder}/go.mod": lock.go_mod, f"{folder}/go.sum": lock.go_sum}


class Job:
    """A job of a workflow: a checkout, an event, and what the command leaves behind."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.repo = GitRepo(root / "repo")
        self._patch, self._capsys = monkeypatch, capsys
        for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
            monkeypatch.setenv(name, str(root / name))
        monkeypatch.setenv("RUNNER_TEMP", str(root / "temp"))
        monkeypatch.setenv("WOMBAT_DATA", str(root / "data"))
        (root / "temp").mkdir()

    def event(self, value: dict[str, Any]) -> None:
        """What happened."""
        path = self.root / "event.json"
        path.write_text(json.dumps(value))
        self._patch.setenv("GITHUB_EVENT_PATH", str(path))

    def pull_request(self, base: str) -> None:
        """A pull request to *base*."""
        self.event({"pull_request": {"number": 7, "base": {"sha": base}, "head": {"sha": "f" * 40}}})

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code and standard output of a command in the checkout."""
        self._capsys.readouterr()
        self._patch.chdir(self.repo.path)
        status = run(["github", *arguments])
        return status, self._capsys.readouterr().out

    @property
    def outputs(self) -> dict[str, str]:
        """What later steps read."""
        lines = (self.root / "GITHUB_OUTPUT").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def summary(self) -> str:
        """What people read on the job's page."""
        return (self.root / "GITHUB_STEP_SUMMARY").read_text()


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Job:
    return Job(tmp_path, monkeypatch, capsys)


def test_a_good_pull_request_is_told_whole(job: Job) -> None:
    """A new version with another package: no annotation, a summary, outputs, a report."""
    base = job.repo.commit(files(SMALL))
    job.repo.commit(files(SMALL.replace("1.0.0", "1.1.0").replace("pure, io", "pure")))
    job.pull_request(base)

    status, out = job.run("validate")

    assert status == exits.OK
    assert "::error" not in out
    assert job.outputs["valid"] == "true"
    assert job.outputs["changed"] == "true"
    assert "`1.0.0 → 1.1.0`" in job.summary
    report = json.loads(Path(job.outputs["plan-json"]).read_text())
    assert report["distributions"][0]["version_after"] == "1.1.0"
    assert (Path(job.outputs["report-path"]) / "report.md").read_text().startswith(MARKER)


def test_an_error_is_annotated_at_its_line(job: Job) -> None:
    """And the text between the marks can start no command."""
    base = job.repo.commit(files(SMALL))
    job.repo.commit({PATH: SMALL.replace("1.0.0", '"::error::pwned"')})
    job.pull_request(base)

    status, out = job.run("validate")

    assert status == exits.INVALID
    assert f"::error file={PATH},line=4,col=10" in out
    mark = re.search(r"^::stop-commands::([0-9a-f]{32})$", out, re.MULTILINE)
    assert mark is not None
    inside = out[mark.end() : out.index(f"::{mark[1]}::\n")]
    assert "::error::pwned" in inside
    assert not re.search(r"^::error::", out, re.MULTILINE)
    assert job.outputs["valid"] == "false"


def test_a_published_version_that_changes_is_refused(job: Job) -> None:
    """In the pull request already, at the line of `version`."""
    base = job.repo.commit(files(SMALL))
    job.repo.commit(files(SMALL.replace("pure, io", "io")))
    job.pull_request(base)
    status, out = job.run("validate")
    assert status == exits.INVALID
    assert f"::error file={PATH},line=4,col=10,endColumn=15,title=WOM-060::" in out


@pytest.mark.parametrize(
    "event", [{}, {"before": "0" * 40}, {"pull_request": {"number": 1}}, {"pull_request": {"base": {"sha": "--help"}}}]
)
def test_without_a_base_everything_counts_as_new(job: Job, event: dict[str, Any]) -> None:
    """A first push, a manual run, an event of another shape."""
    job.repo.commit(files(SMALL))
    job.event(event)
    status, _ = job.run("validate")
    assert status == exits.OK
    assert "| `example` | added |" in job.summary


def test_a_base_that_was_not_fetched_is_told(job: Job) -> None:
    """A shallow checkout has nothing to compare with, and is checked all the same."""
    job.repo.commit(files(SMALL))
    job.pull_request("a" * 40)
    status, _ = job.run("validate")
    assert status == exits.OK
    assert "| `example` | added |" in job.summary


def test_only_so_many_annotations_are_shown() -> None:
    """Changed files first, one of each file first, and the last one counts the rest."""
    problems = [
        Diagnostic(f"manifests/{name}.yaml", line, 1, "WOM-026", "m", severity=severity)
        for severity in (Severity.ERROR, Severity.WARNING)
        for name in ("a", "b", "c")
        for line in range(1, 6)
    ]
    chosen = choose_annotations(problems, {"manifests/c.yaml"})
    errors = [each for each in chosen if each.severity is Severity.ERROR]
    assert len(errors) == 10
    assert len(chosen) == 20
    assert {each.path for each in errors[:5]} == {"manifests/c.yaml"}
    assert [each.path for each in errors[5:7]] == ["manifests/a.yaml", "manifests/b.yaml"]
    assert errors[-1].message == "and 6 more, see the summary of this job"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    made = Api()
    monkeypatch.setenv("GITHUB_API_URL", made.address)
    monkeypatch.setenv("GITHUB_REPOSITORY", "example/manifests")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    yield made
    made.close()


def reported(job: Job, text: str = SMALL) -> str:
    """The report of a pull request that adds a manifest."""
    base = job.repo.commit({"README": "x"})
    job.repo.commit(files(text))
    job.pull_request(base)
    assert job.run("validate")[0] == exits.OK
    return job.outputs["plan-json"]


def test_one_comment_is_written_and_kept_up_to_date(job: Job, api: Api) -> None:
    """The second run edits it; a person's comment with the same first line is not touched."""
    api.comments = [{"id": 90 + n, "user": {"type": "User"}, "body": f"{MARKER} mine"} for n in range(101)]
    report = reported(job)
    assert job.run("comment", report)[0] == exits.OK
    assert job.run("comment", report)[0] == exits.OK
    mine = [each for each in api.comments if each["user"]["type"] == "Bot"]
    assert len(mine) == 1
    assert "| `example` | added |" in mine[0]["body"]
    assert [line.split()[0] for line in api.asked if not line.startswith("GET")] == ["POST"]


def test_a_fork_s_pull_request_is_found_by_its_commit(job: Job, api: Api) -> None:
    """The number comes from GitHub, never from the report."""
    report = reported(job)
    api.pulls = [{"number": 3, "head": {"sha": "b" * 40}}, {"number": 4, "head": {"sha": "c" * 40}}]
    run_of = {"head_sha": "c" * 40, "head_branch": "x&y", "head_repository": {"owner": {"login": "someone"}}}
    job.event({"workflow_run": run_of})
    assert job.run("comment", report)[0] == exits.OK
    assert "POST /repos/example/manifests/issues/4/comments" in api.asked
    assert "head=someone%3Ax%26y" in api.asked[0]


def test_a_commit_that_moved_on_is_not_commented_on(job: Job, api: Api) -> None:
    """No open pull request is at that commit any more."""
    report = reported(job)
    job.event(
        {"workflow_run": {"head_sha": "c" * 40, "head_branch": "x", "head_repository": {"owner": {"login": "a"}}}}
    )
    assert job.run("comment", report)[0] == exits.NOT_FOUND
    assert not api.comments


def test_a_token_without_the_right_is_explained(job: Job, api: Api) -> None:
    """And the token itself is in no message."""
    report = reported(job)
    api.status = 403
    status, out = job.run("comment", report)
    assert status != exits.OK
    assert "secret" not in out


@pytest.mark.parametrize("data", ["{}", "[1]", '{"base": "a", "distributions": "x"}', "x" * 5_000_001])
def test_a_report_that_is_none_is_refused(job: Job, api: Api, data: str) -> None:
    """Nothing of it reaches the comment."""
    path = job.root / "report.json"
    path.write_text(data)
    job.pull_request("a" * 40)
    assert job.run("comment", str(path))[0] != exits.OK
    assert not api.comments
