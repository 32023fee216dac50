"""Branches and folders of sources that are missing or are something else, over real repositories."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.git.test_watching import Watch, manifest
from tests.support.gitrepo import GitRepo
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.adapters.git.revision import RevisionSource
from wombat_gitops.adapters.git.worktree import WorkTreeSource
from wombat_gitops.cli.main import run
from wombat_gitops.domain.errors import UnusableSource
from wombat_gitops.services import observed
from wombat_gitops.services.manifests import ManifestReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def missing(repo: GitRepo) -> None:
    repo.commit({"README.md": "hi\n"})


def linked(repo: GitRepo) -> None:
    (repo.path / "manifests").symlink_to("real")
    repo.commit({"real/x": ""})


def linked_above(repo: GitRepo) -> None:
    (repo.path / "manifests").symlink_to("real")
    repo.commit({"real/deep/a.yaml": "a\n"})


def submodule(repo: GitRepo) -> None:
    other = GitRepo(repo.path.parent / "other")
    other.commit(manifest("a", "a"))
    repo.commit({"README.md": "hi\n"})
    repo.git("submodule", "--quiet", "add", other.url, "manifests")
    repo.commit()


def submodule_not_fetched(repo: GitRepo) -> None:
    submodule(repo)
    repo.git("submodule", "--quiet", "deinit", "--force", "manifests")


def file(repo: GitRepo) -> None:
    repo.commit({"manifests": "not a folder\n"})


CASES = [
    (missing, "manifests", "FolderNotFound", "there is no folder `manifests`"),
    (linked, "manifests", "FolderIsLink", "`manifests` is a symbolic link, which is not followed"),
    (linked_above, "manifests/deep", "FolderIsLink", "`manifests`, which `manifests/deep` is in, is a symbolic link"),
    (submodule, "manifests", "FolderIsSubmodule", "`manifests` is a submodule: its files are in another repository"),
    (submodule_not_fetched, "manifests", "FolderIsSubmodule", "`manifests` is a submodule"),
    (submodule, "manifests/deep", "FolderIsSubmodule", "`manifests`, which `manifests/deep` is in, is a submodule"),
    (file, "manifests", "FolderIsFile", "`manifests` is a file and not a folder"),
]


@pytest.mark.parametrize(("make", "folder", "reason", "words"), CASES)
async def test_a_source_without_its_folder_was_ready_with_no_manifests(
    tmp_path: Path,
    make: Callable[[GitRepo], None],
    folder: str,
    reason: str,
    words: str,
) -> None:
    """A condition says what stands there instead, of a branch as of a work tree; nothing else is read."""
    repo = GitRepo(tmp_path / "repo")
    make(repo)
    remote = RemoteSource(repo.url, "main", folder, tmp_path / "m.git")
    for source in (remote, WorkTreeSource(repo.path, folder)):
        watch = Watch(repo, tmp_path / "m.git", source)
        outcome = await watch.reconciler.once()
        record = await watch.record()
        ready = next(each for each in record.conditions if each.type == observed.READY)

        assert isinstance(outcome.error, UnusableSource)
        assert (ready.status, ready.reason) == (False, reason)
        assert words in ready.message
        assert record.revision == ""
    with pytest.raises(UnusableSource):
        await ManifestReader(RevisionSource(repo.path, "main", folder)).read()
    base = await ManifestReader(RevisionSource(repo.path, "main", folder, empty=True)).read()
    assert base.declared == ()


@pytest.mark.parametrize(("make", "folder", "reason", "words"), CASES)
def test_validate_found_nothing_wrong_where_a_source_is_not_ready(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[GitRepo], None],
    folder: str,
    reason: str,
    words: str,
) -> None:
    """The same words as the condition, and an exit code that stops a pipeline."""
    repo = GitRepo(tmp_path / "repo")
    make(repo)
    monkeypatch.chdir(repo.path)
    monkeypatch.setenv("WOMBAT_FOLDER", folder)

    assert run(["validate"]) == 4, reason
    assert words in capsys.readouterr().err


async def test_a_renamed_folder_retired_everything(tmp_path: Path) -> None:
    """The distributions stay as they were until the folder is back."""
    repo = GitRepo(tmp_path / "repo")
    repo.commit(manifest("a"))
    watch = Watch(repo, tmp_path / "m.git")
    await watch.reconciler.once()
    first = (await watch.record()).revision
    repo.git("mv", "manifests", "manifests2")
    repo.commit()
    for _ in range(2):
        outcome = await watch.reconciler.once()
        assert isinstance(outcome.error, UnusableSource)
        entry = await watch.distributions.get("a")
        assert entry is not None
        assert not entry.value.retired
    record = await watch.record()
    assert record.revision == first
    assert {each.reason for each in record.conditions} == {"FolderNotFound"}
    assert "`manifests`" in record.conditions[0].message

    repo.git("mv", "manifests2", "manifests")
    repo.commit()
    assert (await watch.reconciler.once()).error is None
    assert [each.reason for each in (await watch.record()).conditions] == ["Reconciled"]


@pytest.fixture
def tagged(tmp_path: Path) -> GitRepo:
    """A repository with the branches `main` and `release/1.x`, and the tags `v1` and `v2`."""
    repo = GitRepo(tmp_path / "r")
    repo.commit(manifest("a"))
    repo.git("branch", "release/1.x")
    repo.git("tag", "v1")
    repo.git("tag", "--annotate", "--message", "two", "v2")
    return repo


@pytest.mark.parametrize(
    ("ref", "reason", "words", "hint"),
    [
        ("v1", "RefIsTag", "`v1` is a tag of", "such as `main`"),
        ("v2", "RefIsTag", "`v2` is a tag of", "such as `main`"),
        ("refs/tags/v1", "RefIsTag", "`v1` is a tag of", "such as `main`"),
        ("tags/v2", "RefIsTag", "`v2` is a tag of", "such as `main`"),
        ("{commit}", "RefIsCommit", "is the id of a commit; only branches are followed", "such as `main`"),
        ("mian", "RefNotFound", "has no branch `mian`", "did you mean `main`?"),
        ("master", "RefNotFound", "has no branch `master`", "did you mean `main`?"),
        ("origin/main", "RefNotFound", "has no branch `origin/main`", "did you mean `main`?"),
        ("refs/remotes/origin/main", "RefNotFound", "has no branch", "did you mean `main`?"),
        ("HEAD", "RefNotFound", "has no branch `HEAD`", "did you mean `main`?"),
        ("release/1.y", "RefNotFound", "has no branch `release/1.y`", "did you mean `release/1.x`?"),
        ("zzzzzz", "RefNotFound", "has no branch `zzzzzz`", "such as `main`"),
    ],
)
async def test_a_ref_that_is_no_branch_was_only_not_found(
    tagged: GitRepo, tmp_path: Path, ref: str, reason: str, words: str, hint: str
) -> None:
    """What it is is said, and which branch is likely meant."""
    ref = ref.format(commit=tagged.git("rev-parse", "HEAD"))
    with pytest.raises(UnusableSource) as caught:
        await RemoteSource(tagged.url, ref, "manifests", tmp_path / "m.git").revision()

    assert caught.value.reason == reason
    assert words in caught.value.message
    assert hint in caught.value.hint


async def test_full_names_of_branches_are_followed(tagged: GitRepo, tmp_path: Path) -> None:
    """`refs/heads/main` is `main`; a branch wins over a tag of its name."""
    tagged.git("tag", "main")
    tagged.commit({"README": "more\n"})
    tip = tagged.git("rev-parse", "refs/heads/main")

    assert await RemoteSource(tagged.url, "refs/heads/main", "manifests", tmp_path / "m.git").revision() == tip


async def test_an_empty_repository_was_a_missing_branch(tmp_path: Path) -> None:
    """It says so, and goes on once there is a commit."""
    repo = GitRepo(tmp_path / "repo")
    watch = Watch(repo, tmp_path / "m.git")
    await watch.reconciler.once()
    assert {each.reason for each in (await watch.record()).conditions} == {"RepositoryEmpty"}

    repo.commit(manifest("a"))
    assert (await watch.reconciler.once()).error is None


async def test_a_branch_that_is_deleted_later_keeps_its_distributions(tagged: GitRepo, tmp_path: Path) -> None:
    """The condition names what is there now; the branch is followed again when it is back."""
    watch = Watch(tagged, tmp_path / "m.git", RemoteSource(tagged.url, "release/1.x", "manifests", tmp_path / "m.git"))
    await watch.reconciler.once()
    tagged.git("branch", "-D", "release/1.x")
    await watch.reconciler.once()
    entry = await watch.distributions.get("a")
    assert entry is not None
    assert not entry.value.retired
    assert {each.reason for each in (await watch.record()).conditions} == {"RefNotFound"}

    tagged.git("branch", "release/1.x")
    assert (await watch.reconciler.once()).error is None


async def test_a_repository_of_sha_256_could_not_be_fetched(tmp_path: Path) -> None:
    """It is read as any other, also where a mirror of the other format is there already."""
    old = GitRepo(tmp_path / "repo")
    old.commit(manifest("a"))
    watch = Watch(old, tmp_path / "m.git")
    assert (await watch.reconciler.once()).error is None
    old.path.rename(tmp_path / "old")
    repo = GitRepo(tmp_path / "new")
    subprocess.run(["rm", "-rf", str(repo.path / ".git")], check=True, timeout=60)
    repo.git("init", "--quiet", "--object-format=sha256", "--initial-branch=main", ".")
    commit = repo.commit(manifest("a") | manifest("b"))
    repo.path.rename(old.path)

    outcome = await watch.reconciler.once()
    assert (outcome.error, outcome.revision, len(commit)) == (None, commit, 64)
    assert (await watch.record()).manifests == 2
    tree = WorkTreeSource(old.path, "manifests")
    assert await tree.revision() == commit
    assert len((await ManifestReader(tree).read()).declared) == 2


async def test_a_shallow_repository_as_a_source(tmp_path: Path) -> None:
    """What the host has of the history may not tell a date: that is said, and no host is accused of damage."""
    full = GitRepo(tmp_path / "full")
    full.commit(manifest("a"))
    full.commit({"README": "more\n"})
    full.git("clone", "--quiet", "--depth=1", full.url, str(tmp_path / "shallow"))
    source = RemoteSource((tmp_path / "shallow").as_uri(), "main", "manifests", tmp_path / "m.git")
    watch = Watch(full, tmp_path / "m.git", source)
    outcome = await watch.reconciler.once()
    record = await watch.record()

    assert {each.reason for each in record.conditions} == {"HistoryCutOff"}, outcome.error
    assert "git fetch --unshallow" in record.conditions[0].message

    full.git("-C", str(tmp_path / "shallow"), "fetch", "--quiet", "--unshallow")
    assert (await watch.reconciler.once()).error is None
