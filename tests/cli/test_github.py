"""What GitHub's workflows run, with GitHub's variables and event files, on real repositories and a local API."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api import served
from tests.support.factories import NOW
from tests.support.githubapi import Api
from tests.support.gitrepo import GitRepo
from tests.support.manifests import GO_MOD, GO_SUM, SMALL
from tests.support.stage import Stage
from wombat_gitops.adapters.git.revision import RevisionSource
from wombat_gitops.cli import exits
from wombat_gitops.cli.jobs.github import choose_annotations
from wombat_gitops.cli.main import run
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.lock import render_lock
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.model import Artifact, Lock
from wombat_gitops.domain.records import BuildState, Origin
from wombat_gitops.domain.report import MARKER
from wombat_gitops.services.manifests import ManifestReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wombat_gitops.domain.declaration import DesiredBuild
    from wombat_gitops.domain.records import BuildRecord

PATH = "manifests/example.yaml"


def files(text: str, path: str = PATH) -> dict[str, str | None]:
    """A manifest and its lock."""
    distribution = read_manifest(path, text.encode()).distribution
    if distribution is None:
        return {path: text}
    lock = render_lock(distribution, Lock(GO_MOD, GO_SUM))
    folder = path.removesuffix(".yaml") + ".lock"
    return {path: text, f"{folder}/go.mod": lock.go_mod, f"{folder}/go.sum": lock.go_sum}


def _published(build: DesiredBuild, size: int) -> BuildRecord:
    """A build that succeeded."""
    queued = lifecycle.queued(build.id, build.spec, Origin(), 0, NOW)
    return replace(queued, state=BuildState.SUCCEEDED, artifact=Artifact("0" * 64, size, "example"))


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

    def run(self, *arguments: str, server: str = "") -> tuple[int, str]:
        """Exit code and standard output of a command in the checkout."""
        self._capsys.readouterr()
        self._patch.chdir(self.repo.path)
        self._patch.setenv("WOMBAT_SERVER", server)
        status = run(["github", *arguments])
        return status, self._capsys.readouterr().out

    def process(self, *arguments: str, server: str) -> subprocess.CompletedProcess[str]:
        """The same as a process of its own, which another thread may wait for."""
        argv = [sys.executable, "-m", "wombat_gitops", "github", *arguments]
        env = {**os.environ, "WOMBAT_SERVER": server}
        return subprocess.run(argv, cwd=self.repo.path, env=env, capture_output=True, text=True, check=False)

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


OTHER = SMALL.replace("name: example", "name: other").replace("pure, io", "io")


@pytest.mark.parametrize("checked_out", ["merge", "head"])
def test_what_came_to_the_base_branch_meanwhile_is_no_change_of_the_request(job: Job, checked_out: str) -> None:
    """GitHub checks out the merge into the newest base, the event names an older one; others check out the head."""
    old = job.repo.commit(files(SMALL))
    job.repo.git("switch", "--quiet", "--create", "topic")
    head = job.repo.commit(files(OTHER, "manifests/other.yaml"))
    job.repo.git("switch", "--quiet", "main")
    new = job.repo.commit(files(SMALL.replace("1.0.0", "1.1.0")))
    if checked_out == "merge":
        job.repo.merge("topic")
    else:
        job.repo.git("switch", "--quiet", "topic")
    base = old if checked_out == "merge" else new
    job.event({"pull_request": {"number": 7, "base": {"sha": base}, "head": {"sha": head}}})

    assert job.run("validate")[0] == exits.OK

    report = json.loads(Path(job.outputs["plan-json"]).read_text())
    assert [change["name"] for change in report["distributions"]] == ["other"]
    assert report["base"] == (new if checked_out == "merge" else old)


def test_a_base_without_a_common_history_is_compared_with_itself(job: Job) -> None:
    """An orphaned branch has left nothing; the check is done all the same."""
    base = job.repo.commit(files(SMALL))
    job.repo.git("switch", "--quiet", "--orphan", "other")
    job.repo.commit(files(SMALL.replace("1.0.0", "1.1.0")))
    status, _ = job.run("validate", "--base", base)
    assert status == exits.OK
    assert "`1.0.0 → 1.1.0`" in job.summary


def test_nothing_that_is_told_on_the_way_is_a_command(job: Job) -> None:
    """Not even the old form of commands, which counts in the middle of a line."""
    base = job.repo.commit(files(SMALL))
    job.repo.commit({PATH: SMALL.replace("1.0.0", '"##[add-mask]a ::warning::b"')})
    job.pull_request(base)

    _, out = job.run("validate")

    first, *inside = out.splitlines()
    mark = first.removeprefix("::stop-commands::")
    end = inside.index(f"::{mark}::")
    assert any("##[add-mask]" in line for line in inside[:end])
    assert all(line.startswith("::error file=manifests/") for line in inside[end + 1 :])
    assert len(inside) > end + 1


async def test_what_is_published_is_reused_and_has_a_size(job: Job, tmp_path: Path) -> None:
    """The website's address is enough; nobody has to be known there."""
    base = job.repo.commit(files(SMALL))
    job.repo.commit(files(SMALL.replace("1.0.0", "1.1.0")))
    job.pull_request(base)
    read = await ManifestReader(RevisionSource(job.repo.path, "HEAD", "manifests")).read()
    stage = Stage(tmp_path / "stage")
    await stage.put(*(_published(build, size=41_000_000) for build in read.declared[0].builds[:1]))
    async with stage.running(), served(stage) as client:
        done = await asyncio.to_thread(job.process, "validate", server=str(client.base_url))
    assert done.returncode == exits.OK, done.stderr
    builds = json.loads(Path(job.outputs["plan-json"]).read_text())["distributions"][0]["builds"]
    assert [(build["kind"], build["size_after"]) for build in builds[:2]] == [("reused", 41_000_000), ("new", 0)]
    assert "another build, there already, 41.0 MB" in job.summary


def test_a_service_that_is_away_stops_no_check(job: Job) -> None:
    """Sizes are then not known."""
    job.repo.commit(files(SMALL))
    status, _ = job.run("validate", server="http://127.0.0.1:1")
    assert status == exits.OK
    assert "| `example` | added |" in job.summary


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


def run_of(commit: str) -> dict[str, Any]:
    """A run of a pull request's checks that has ended, from a fork."""
    owner = {"owner": {"login": "someone"}}
    return {"workflow_run": {"id": 5, "head_sha": commit, "head_branch": "x&y", "head_repository": owner}}


def test_a_fork_s_pull_request_is_found_by_its_commit(job: Job, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number comes from GitHub, never from the report; so do the commit and the run that the comment names."""
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_RUN_ID", "6")
    report = reported(job)
    api.pulls = [{"number": 3, "head": {"sha": "b" * 40}}, {"number": 4, "head": {"sha": "c" * 40}}]
    job.event(run_of("c" * 40))
    assert job.run("comment", report)[0] == exits.OK
    assert "POST /repos/example/manifests/issues/4/comments" in api.asked
    assert "head=someone%3Ax%26y" in api.asked[0]
    assert "### Plan for `cccccccccccc`" in api.comments[0]["body"]
    assert "(https://github.com/example/manifests/actions/runs/5)" in api.comments[0]["body"]


def test_of_two_requests_of_one_commit_the_one_into_the_compared_branch_is_meant(job: Job, api: Api) -> None:
    """One branch may be proposed to several others."""
    report = reported(job)
    base = json.loads(Path(report).read_text())["base"]
    head = {"sha": "c" * 40}
    api.pulls = [
        {"number": 3, "head": head, "base": {"sha": "a" * 40}},
        {"number": 4, "head": head, "base": {"sha": base}},
    ]
    job.event(run_of("c" * 40))
    assert job.run("comment", report)[0] == exits.OK
    assert "POST /repos/example/manifests/issues/4/comments" in api.asked


@pytest.mark.parametrize("commit", ["c" * 40, ""])
def test_a_commit_that_moved_on_is_not_commented_on(job: Job, api: Api, commit: str) -> None:
    """No open pull request is at that commit any more: the newer run comments, and this one has not failed."""
    report = reported(job)
    api.pulls = [{"number": 3, "head": {"sha": "b" * 40}}, {"number": 4, "head": None}]
    job.event(run_of(commit))
    assert job.run("comment", report)[0] == exits.OK
    assert not api.comments


def test_a_report_of_any_size_becomes_a_comment_that_github_takes(job: Job, api: Api) -> None:
    """Whoever wrote it: as many rows of everything as there is room for."""
    word = "\U0001f9a6" * 190
    many = range(400)
    change = {"kind": "changed", "path": word, "fields": [{"field": word, "added": [word] * 100}] * 5}
    hostile: dict[str, Any] = {
        "base": "a" * 40,
        "head": "b" * 40,
        "unchanged": 10**300,
        "shared": [{"path": f"{n}{word}", "kind": "Policy", "change": "added"} for n in many],
        "problems": [
            {
                "path": word,
                "line": 10**300,
                "column": n,
                "rule": word,
                "severity": word,
                "message": word,
                "hint": word,
                "new": True,
            }
            for n in many
        ],
        "distributions": [{**change, "name": f"{n}{word}"} for n in range(3)]
        + [{"name": f"{n}{word}", "kind": "added", "path": word, "builds": []} for n in many],
    }
    hostile["distributions"][-1]["builds"] = [
        {"platform": word, "kind": "reused", "size_before": 10**400, "size_after": -1}
    ]
    path = job.root / "report.json"
    path.write_text(json.dumps(hostile, ensure_ascii=False))
    job.pull_request("a" * 40)
    assert job.run("comment", str(path))[0] == exits.OK
    assert api.comments[0]["body"].count("not shown._") == 4


def test_a_token_without_the_right_is_explained(job: Job, api: Api) -> None:
    """And the token itself is in no message."""
    report = reported(job)
    api.status = 403
    status, out = job.run("comment", report)
    assert status != exits.OK
    assert "secret" not in out


@pytest.mark.parametrize("headers", [{"Retry-After": "60"}, {"X-RateLimit-Remaining": "0"}])
def test_too_many_requests_are_no_missing_right(job: Job, api: Api, headers: dict[str, str]) -> None:
    """GitHub answers 403 to both; only one of them is mended by another try."""
    report = reported(job)
    api.status, api.headers = 403, headers
    assert job.run("comment", report)[0] == exits.UNREACHABLE


@pytest.mark.parametrize("data", ["{}", "[1]", '{"base": "a", "distributions": "x"}', "x" * 5_000_001])
def test_a_report_that_is_none_is_refused(job: Job, api: Api, data: str) -> None:
    """Nothing of it reaches the comment."""
    path = job.root / "report.json"
    path.write_text(data)
    job.pull_request("a" * 40)
    assert job.run("comment", str(path))[0] != exits.OK
    assert not api.comments
