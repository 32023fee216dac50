"""Lock, plan and apply on a real repository, with the real Go compiler over fake modules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.gitrepo import GitRepo
from wombat_gitops.cli.main import run

if TYPE_CHECKING:
    from tests.support.goproxy import GoProxy

MANIFEST = """\
apiVersion: wombat/v1
kind: Distribution
name: tiny
version: 1.0.0
benthos: v4.76.0
packages: [pure, io]
"""


@pytest.fixture
def repository(tmp_path: Path, go_proxy: GoProxy, go_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one manifest, whose lock is not made yet, as the current folder."""
    repo = GitRepo(tmp_path / "repo")
    repo.commit({"manifests/tiny.yaml": MANIFEST})
    for name, value in go_proxy.environment.items():
        monkeypatch.setenv(name, value)
    data = tmp_path / "data"
    data.mkdir()
    (data / "go").symlink_to(go_data)
    monkeypatch.setenv("WOMBAT_DATA", str(data))
    monkeypatch.delenv("WOMBAT_NATS", raising=False)
    monkeypatch.chdir(repo.path)
    return repo.path


def test_from_manifest_to_program(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lock, plan and apply; a second run of each finds that nothing is left to do."""
    assert run(["lock", "--check"]) == 1
    assert run(["lock"]) == 0
    assert run(["lock", "--check"]) == 0
    assert run(["validate"]) == 0
    assert run(["plan", "--local", "--native", "--detailed-exitcode"]) == 10
    capsys.readouterr()

    assert run(["apply", "--local", "--native", "-o", "json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert run(["apply", "--local", "--native", "-o", "json", "--output-dir", "out"]) == 0
    second = json.loads(capsys.readouterr().out)

    assert (first["counts"]["build"], second["counts"]["build"], second["counts"]["up_to_date"]) == (1, 0, 1)
    assert first["builds"][0]["artifact"] == second["builds"][0]["artifact"]
    paths = [Path(each["builds"][0]["path"]) for each in (first, second)]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[1].parent.name == "out"
    assert paths[1].stat().st_mode & 0o111
    assert run(["plan", "--local", "--native", "--detailed-exitcode"]) == 0


def test_nothing_is_applied_while_a_manifest_is_wrong(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing lock is told with its place, and the exit code is 3."""
    assert run(["apply", "--local", "--native"]) == 3
    told = capsys.readouterr()
    assert "WOM-050" in told.err
    assert told.out == ""


def test_a_name_that_nobody_declares(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 4 tells the names there are."""
    assert run(["plan", "other", "--local"]) == 4
    assert "`tiny`" in capsys.readouterr().err


def test_plan_without_a_service_says_so(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is a note on standard error; the plan is data all the same."""
    assert run(["plan", "-o", "json"]) == 3
    told = capsys.readouterr()
    assert "no `wombat up` is running here" in told.err
    assert json.loads(told.out)["counts"]["blocked"] == 4
