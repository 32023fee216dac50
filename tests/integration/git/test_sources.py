"""Remote branch, revision and work tree over real repositories."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.gitrepo import GitRepo
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.adapters.git.revision import RevisionSource
from wombat_gitops.adapters.git.worktree import WorkTreeSource
from wombat_gitops.domain.errors import NotFound, Refused, TimedOut, Unreachable, UnusableSource, WombatError
from wombat_gitops.domain.model import UNCOMMITTED_DATE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wombat_gitops.ports import ManifestSource, Tree


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit({"manifests/a.yaml": "a\n", "manifests/b.yaml": "b\n", "README": "read\n"})
    return made


@pytest.fixture
def remote(repo: GitRepo, tmp_path: Path) -> RemoteSource:
    return RemoteSource(repo.url, "main", "manifests", tmp_path / "mirrors" / "m.git", seconds=20)


async def newest(source: ManifestSource) -> Tree:
    return await source.tree(await source.revision())


def one_each(tree: Tree) -> dict[str, list[str]]:
    return {entry.path: [entry.path] for entry in tree.entries}


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def random_history(repo: GitRepo, chance: random.Random) -> None:
    for step in range(12):
        name = f"manifests/{chance.choice('abc')}.yaml"
        match chance.randrange(5):
            case 0:
                side = f"side-{repo.git('rev-list', '--count', '--all')}"
                repo.git("checkout", "-q", "-b", side)
                repo.commit({name: f"side {step}\n"})
                repo.git("checkout", "-q", "main")
                repo.commit({f"manifests/{chance.choice('abc')}.yaml": f"main {step}\n"})
                repo.merge(side)
            case 1:
                repo.commit({"README": f"{step}\n"})
            case 2 if (repo.path / name).exists():
                repo.commit({name: None})
            case 3:
                repo.seconds -= 50_000  # clocks of people differ
                repo.commit({name: f"{step}\n"})
            case _:
                repo.commit({name: f"{step}\n"})


@pytest.mark.parametrize("seed", range(4))
async def test_dates_are_those_of_git_log(tmp_path: Path, seed: int) -> None:
    """One pass over the history gives what `git log -1 --first-parent -m` says of each group, also step by step."""
    repo = GitRepo(tmp_path / "repo")
    repo.commit({f"manifests/{name}.yaml": name for name in "abc"})
    remote = RemoteSource(repo.url, "main", "manifests", tmp_path / "m.git")
    groups = {"a": ["manifests/a.yaml"], "ab": ["manifests/a.yaml", "manifests/b.yaml"], "all": ["manifests"]}
    for _ in range(2):
        random_history(repo, random.Random(seed))
        tree = await newest(remote)
        dates = await remote.dates(tree, groups)
        fresh = await RevisionSource(repo.path, "HEAD", "manifests").dates(tree, groups)

        for key, paths in groups.items():
            told = repo.git("log", "-1", "--first-parent", "-m", "--format=%ct", "HEAD", "--", *paths)
            assert dates[key] == fresh[key] == datetime.fromtimestamp(int(told), UTC)


async def test_one_commit_reads_the_same_everywhere(repo: GitRepo, remote: RemoteSource) -> None:
    """Clean work tree, revision and remote give the same revision, entries, bytes and dates."""
    repo.commit({"manifests/sub/c.yaml": "c\n", ".gitignore": "*.tmp\n"})
    (repo.path / "manifests" / "ü b.yaml").write_text("u\n")
    (repo.path / "manifests" / "link.yaml").symlink_to("/etc/passwd")
    repo.commit()
    repo.write({"manifests/x.tmp": "ignored\n"})
    sources: list[ManifestSource] = [
        remote,
        RevisionSource(repo.path, "main", "manifests"),
        WorkTreeSource(repo.path, "manifests"),
        WorkTreeSource(repo.path / "manifests", ""),
    ]
    trees = [await newest(source) for source in sources]
    files = [entry.path for entry in trees[0].entries if entry.mode != "120000"]
    dates = [await source.dates(tree, one_each(tree)) for source, tree in zip(sources, trees, strict=True)]
    contents = [await source.read(tree, files) for source, tree in zip(sources, trees, strict=True)]

    assert len(trees[0].entries) == 5
    assert all(tree == trees[0] for tree in trees)
    assert all(date == dates[0] for date in dates)
    assert all(content == contents[0] for content in contents)
    assert {source.id for source in sources[2:]} == {sources[2].id}


async def test_odd_entries_are_reported_and_never_read(repo: GitRepo, remote: RemoteSource) -> None:
    """Links, submodules, large files and odd names are entries; what is no file cannot be read."""
    (repo.path / "manifests" / "link.yaml").symlink_to("/etc/passwd")
    (repo.path / "manifests" / os.fsdecode(b"odd\n\xff.yaml")).write_text("odd\n")
    (repo.path / "manifests" / "large.yaml").write_bytes(b"x" * (17 << 20))
    repo.git("add", "--all")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},manifests/module")
    repo.seconds += 1
    repo.git("commit", "--quiet", "--message", "odd")
    tree = await newest(remote)
    entries = {entry.path: entry for entry in tree.entries}

    assert entries["manifests/link.yaml"].mode == "120000"
    assert (entries["manifests/module"].mode, entries["manifests/module"].size) == ("160000", None)
    assert entries["manifests/large.yaml"].size == 17 << 20
    assert await remote.read(tree, ["manifests/odd\n\\xff.yaml"]) == {"manifests/odd\n\\xff.yaml": b"odd\n"}
    for path in ("manifests/link.yaml", "manifests/module", "manifests/large.yaml"):
        with pytest.raises(Refused, match=path):
            await remote.read(tree, [path])


async def test_a_deleted_branch_is_not_found(repo: GitRepo, remote: RemoteSource) -> None:
    """Other than a host that is away, a branch that is gone has an error of its own."""
    await newest(remote)
    repo.git("branch", "-m", "main", "other")

    with pytest.raises(NotFound, match="no branch `main`"):
        await remote.revision()


async def test_a_missing_repository_is_refused(tmp_path: Path) -> None:
    """Hosts do not tell a repository that is hidden from one that is not there."""
    with pytest.raises(Refused):
        await RemoteSource((tmp_path / "none").as_uri(), "main", "", tmp_path / "m.git").revision()


async def test_a_forced_push_ends_with_the_new_tree(repo: GitRepo, remote: RemoteSource) -> None:
    """After a push of unrelated history only its files are there."""
    await newest(remote)
    repo.git("checkout", "-q", "--orphan", "new")
    repo.git("rm", "-rfq", ".")
    repo.commit({"manifests/z.yaml": "z\n"})
    repo.git("branch", "-M", "new", "main")
    tree = await newest(remote)

    assert [entry.path for entry in tree.entries] == ["manifests/z.yaml"]
    assert (await remote.dates(tree, one_each(tree)))["manifests/z.yaml"] == repo.now()


@pytest.mark.parametrize("damage", ["lock", "pack", "head", "everything"])
async def test_a_broken_mirror_mends_itself(repo: GitRepo, tmp_path: Path, damage: str) -> None:
    """Stale locks, cut-off packs and lost files cost a fetch and nothing else."""
    mirror = tmp_path / "m.git"
    first = RemoteSource(repo.url, "main", "manifests", mirror)
    await newest(first)
    repo_commit = repo.commit({"manifests/a.yaml": "changed\n"})
    await newest(first)
    match damage:
        case "lock":
            (mirror / "refs" / "wombat" / "head.lock").touch()
            (mirror / "shallow.lock").touch()
            repo_commit = repo.commit({"manifests/a.yaml": "again\n"})
        case "pack":
            for item in (mirror / "objects").rglob("*"):
                if item.is_file() and repo_commit[2:] not in item.name:
                    item.chmod(0o600)
                    os.truncate(item, 3)
        case "head":
            (mirror / "HEAD").unlink()
        case _:
            for item in mirror.iterdir():
                if item.is_file():
                    item.write_text("nonsense")
    for source in (RemoteSource(repo.url, "main", "manifests", mirror), first):
        tree = await newest(source)

        assert tree.revision == repo_commit
        assert set(await source.read(tree, ["manifests/a.yaml"])) == {"manifests/a.yaml"}


async def test_a_silent_host_is_unreachable_in_time(tmp_path: Path) -> None:
    """A host that accepts and never answers costs the deadline, and leaves no child behind."""
    async with silent_server() as port, asyncio.timeout(25):
        source = RemoteSource(
            f"http://user:secret@127.0.0.1:{port}/r.git",
            "main",
            "",
            tmp_path / "m.git",
            protocols={"http"},
            seconds=0.5,
        )
        with pytest.raises(Unreachable) as caught:
            await source.revision()

    assert isinstance(caught.value.__cause__, TimedOut)
    assert "secret" not in f"{caught.value}{source.url}{source.id}"
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    commands = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
    assert not [command for command in commands if str(port).encode() in command]


async def test_a_refused_connection_is_unreachable(tmp_path: Path) -> None:
    """A port where nobody listens is not an access problem."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    source = RemoteSource(f"http://127.0.0.1:{port}/r.git", "main", "", tmp_path / "m.git", protocols={"http"})

    with pytest.raises(Unreachable):
        await source.revision()


@pytest.mark.parametrize(
    ("url", "ref", "folder"),
    [
        ("ext::sh -c touch% {canary}", "main", "m"),
        ("ext::touch {canary}", "main", "m"),
        ("--upload-pack=touch {canary}", "main", "m"),
        ("-x", "main", "m"),
        ("ssh://-oProxyCommand=touch${{IFS}}{canary}/x", "main", "m"),
        ("https://host/x", "--upload-pack=touch", "m"),
        ("https://host/x", "a..b", "m"),
        ("https://host/x", "main", "../m"),
        ("git://host/x", "main", "m"),
    ],
)
async def test_dangerous_addresses_are_refused(tmp_path: Path, url: str, ref: str, folder: str) -> None:
    """Nothing that git might run or take for an option gets to it."""
    canary = tmp_path / "canary"
    with pytest.raises(Refused):
        await RemoteSource(url.format(canary=canary), ref, folder, tmp_path / "m.git").revision()

    assert not canary.exists()


async def test_option_like_revisions_are_refused(repo: GitRepo, tmp_path: Path) -> None:
    """A revision that looks like an option is only a name that does not exist."""
    canary = tmp_path / "canary"
    with pytest.raises(WombatError):
        await RevisionSource(repo.path, f"--output={canary}", "manifests").revision()

    assert not canary.exists()


async def test_an_edit_is_another_revision(repo: GitRepo) -> None:
    """Two different dirty states are two revisions; only what is uncommitted has no date."""
    source = WorkTreeSource(repo.path, "manifests")
    head = await source.revision()
    repo.write({"manifests/a.yaml": "edited\n"})
    first = await newest(source)
    repo.write({"manifests/a.yaml": "edited again\n", "manifests/new.yaml": "new\n"})
    second = await newest(source)
    dates = await source.dates(second, one_each(second))

    assert head == repo.git("rev-parse", "HEAD")
    assert first.revision.startswith(f"{head}+")
    assert first.revision != second.revision
    assert dates == {
        "manifests/a.yaml": UNCOMMITTED_DATE,
        "manifests/b.yaml": repo.now(),
        "manifests/new.yaml": UNCOMMITTED_DATE,
    }
    assert await source.read(second, ["manifests/new.yaml"]) == {"manifests/new.yaml": b"new\n"}


async def test_other_line_ends_are_no_change(repo: GitRepo) -> None:
    """A checkout that wrote CR LF reads as the commit."""
    head = await WorkTreeSource(repo.path, "manifests").revision()
    repo.write({"manifests/a.yaml": "a\r\n"})
    source = WorkTreeSource(repo.path, "manifests")
    tree = await newest(source)

    assert tree.revision == head
    assert await source.read(tree, ["manifests/a.yaml"]) == {"manifests/a.yaml": b"a\n"}


async def test_a_folder_in_no_repository_has_no_dates(tmp_path: Path) -> None:
    """Files outside of git can be read, and are uncommitted."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.yaml").write_text("a\n")
    source = WorkTreeSource(tmp_path, "m")
    tree = await newest(source)

    assert tree.revision.startswith("+")
    assert await source.dates(tree, one_each(tree)) == {"m/a.yaml": UNCOMMITTED_DATE}
    with pytest.raises(Refused):
        RevisionSource(tmp_path, "HEAD", "m")


async def test_a_linked_folder_is_not_followed(repo: GitRepo, tmp_path: Path) -> None:
    """A folder of manifests that became a symbolic link is refused, and nothing behind it is read."""
    outside = tmp_path / "outside"
    (repo.path / "manifests").rename(outside)
    (repo.path / "manifests").symlink_to(outside)

    with pytest.raises(UnusableSource, match="is a symbolic link"):
        await newest(WorkTreeSource(repo.path, "manifests"))


async def test_a_shallow_clone_refuses_what_it_cannot_know(repo: GitRepo, tmp_path: Path) -> None:
    """A date behind the end of a shallow clone is an error with a way out; newer ones are told."""
    repo.commit({"README": "more\n"})
    repo.commit({"manifests/b.yaml": "newer\n"})
    clone = GitRepo(tmp_path / "outer")
    clone.git("clone", "-q", "--depth=2", repo.url, "clone")
    source = WorkTreeSource(tmp_path / "outer" / "clone", "manifests")
    tree = await newest(source)

    assert await source.dates(tree, {"b": ["manifests/b.yaml"]}) == {"b": repo.now()}
    with pytest.raises(Refused) as caught:
        await source.dates(tree, one_each(tree))
    assert "fetch-depth: 0" in caught.value.hint


@pytest.mark.parametrize("change", ["edit", "new", "remove", "commit", "replace"])
async def test_a_work_tree_wakes_long_before_its_poll(repo: GitRepo, change: str) -> None:
    """Edits and commits are seen when they happen, also right after the start."""
    source = WorkTreeSource(repo.path, "manifests")
    before = await source.revision()
    async with source.changes() as wait:
        match change:
            case "edit":
                repo.write({"manifests/a.yaml": "edited\n"})
            case "new":
                repo.write({"manifests/sub/c.yaml": "c\n"})
            case "remove":
                repo.write({"manifests/a.yaml": None})
            case "replace":
                (repo.path / "manifests").rename(repo.path / "old")
            case _:
                repo.commit()
        async with asyncio.timeout(60):
            await wait(60)

    if change == "replace":
        with pytest.raises(UnusableSource, match="there is no folder"):
            await source.revision()
    else:
        assert await source.revision() != before


async def test_a_folder_that_comes_later_is_watched(tmp_path: Path) -> None:
    """The folder need not be there at the start."""
    source = WorkTreeSource(tmp_path, "m")
    async with source.changes() as wait, asyncio.timeout(60):
        (tmp_path / "m").mkdir()
        await wait(60)
        (tmp_path / "m" / "a.yaml").write_text("a\n")
        while not (await newest(source)).entries:
            await wait(60)
