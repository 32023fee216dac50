"""The hooks that other repositories take from this one, run as pre-commit does: with the files of a commit."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml

from tests.support.gitrepo import GitRepo
from tests.support.manifests import GO_MOD, GO_SUM, SMALL
from wombat_gitops.cli import exits
from wombat_gitops.cli.main import run
from wombat_gitops.domain.lock import render_lock
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.model import Lock

_HOOKS = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"
POLICY = "apiVersion: wombat/v1\nkind: Policy\nname: house\nplatforms: {allow: [linux/s390x]}\n"


def files(path: str) -> dict[str, str | None]:
    """A manifest and its lock."""
    distribution = read_manifest(path, SMALL.encode()).distribution
    assert distribution is not None
    lock = render_lock(distribution, Lock(GO_MOD, GO_SUM))
    folder = path.removesuffix(".yaml") + ".lock"
    return {path: SMALL, f"{folder}/go.mod": lock.go_mod, f"{folder}/go.sum": lock.go_sum}


def commit(repo: GitRepo, changed: dict[str, str | None], hook: str) -> int:
    """Exit code of a hook at a commit."""
    repo.write(changed)
    (told,) = (each for each in yaml.safe_load(_HOOKS.read_text()) if each["id"] == hook)
    names = sorted(changed) if told.get("pass_filenames", True) else []
    program, *arguments = shlex.split(told["entry"])
    assert program == "wombat"
    return run([*arguments, *names])


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    """A repository with one distribution, and the current folder in it."""
    made = GitRepo(tmp_path / "repo")
    made.commit(files("manifests/example.yaml"))
    monkeypatch.chdir(made.path)
    return made


def test_a_commit_that_is_right_passes(repo: GitRepo) -> None:
    """The hooks themselves stand in no one's way."""
    assert commit(repo, {"manifests/example.yaml": SMALL + "description: better\n"}, "wombat-validate") == exits.OK
    assert commit(repo, {"manifests/example.yaml": SMALL}, "wombat-fmt") == exits.OK
    assert commit(repo, {}, "wombat-lock-check") == exits.OK


def test_a_policy_is_held_against_manifests_that_the_commit_does_not_touch(repo: GitRepo) -> None:
    """What several manifests share is checked with all of them."""
    assert commit(repo, {"manifests/house.yaml": POLICY}, "wombat-validate") == exits.INVALID


def test_a_name_that_another_manifest_has_is_found(repo: GitRepo) -> None:
    """Also where the commit does not touch the other one."""
    assert commit(repo, files("manifests/team/example.yaml"), "wombat-validate") == exits.INVALID


def test_a_lock_that_is_gone_is_found(repo: GitRepo) -> None:
    """A commit that only removes files changes none that a hook could name."""
    gone: dict[str, str | None] = {"manifests/example.lock/go.mod": None}
    assert commit(repo, gone, "wombat-lock-check") == exits.FAILED


def test_the_documented_examples_name_what_there_is() -> None:
    """Hooks of `.pre-commit-hooks.yaml`, and inputs and outputs of the action."""
    root = _HOOKS.parent
    text = (root / "docs" / "pull-requests.md").read_text()
    workflow, hooks = (yaml.safe_load(block.partition("```")[0]) for block in text.split("```yaml\n")[1:])
    action = yaml.safe_load((root / ".github/actions/validate/action.yml").read_text())
    known = {each["id"] for each in yaml.safe_load(_HOOKS.read_text())}

    assert {each["id"] for each in hooks["repos"][0]["hooks"]} == known
    assert set(workflow["steps"][1]["with"]) <= set(action["inputs"])
    assert all(f"`{name}`" in text for name in action["outputs"])
    assert workflow["steps"][0]["uses"] in (root / ".github/workflows/manifests.yml").read_text()
