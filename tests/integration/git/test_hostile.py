"""Repositories made to do harm: each is read to its end, nothing of it is executed, and good neighbours are built."""

from __future__ import annotations

import asyncio
import random
import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.git.test_killed import throttled
from tests.integration.git.test_watching import Watch, manifest
from tests.support.gitrepo import START, GitRepo
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.domain.errors import Refused, TooLarge, WombatError
from wombat_gitops.domain.manifest.rules import CASE_COLLISION, NOT_A_FILE, ODD_PATH, TOO_LARGE
from wombat_gitops.services.manifests import MOST_MANIFESTS, ManifestReader

if TYPE_CHECKING:
    from wombat_gitops.domain.declaration import Declaration

GOOD = manifest("good")


@dataclass(frozen=True)
class Entry:
    """An entry of a tree, written as it is: git itself would refuse most of these names."""

    name: bytes
    mode: str = "100644"
    oid: str = ""
    data: bytes = b"x: y\n"


class Hostile:
    """A repository whose trees are written byte for byte."""

    def __init__(self, path: Path) -> None:
        self.repo = GitRepo(path)
        self.repo.commit(GOOD)

    def object(self, kind: str, data: bytes) -> str:
        command = ["git", "hash-object", "-t", kind, "-w", "--stdin", "--literally"]
        done = subprocess.run(command, cwd=self.repo.path, input=data, capture_output=True, check=True, timeout=60)
        return done.stdout.decode().strip()

    def tree(self, *entries: Entry) -> str:
        """A tree of *entries*, in the order in which they are given."""
        lines = [
            entry.mode.encode()
            + b" "
            + entry.name
            + b"\0"
            + bytes.fromhex(entry.oid or self.object("blob", entry.data))
            for entry in entries
        ]
        return self.object("tree", b"".join(lines))

    def commit(self, *entries: Entry, committer: str = f"{START} +0000", top: tuple[Entry, ...] = ()) -> str:
        """Make a commit with the good manifest and *entries* beside it."""
        good = self.repo.git("ls-tree", "HEAD:manifests").splitlines()
        kept = [
            Entry(line.split("\t")[1].encode(), line.split()[0].replace("040000", "40000"), line.split()[2])
            for line in good
            if "good" in line
        ]
        folder = self.tree(*sorted([*kept, *entries], key=lambda entry: entry.name))
        root = self.tree(*top, Entry(b"manifests", "40000", folder))
        parent = self.repo.git("rev-parse", "HEAD")
        who = "somebody <somebody@localhost>"
        text = f"tree {root}\nparent {parent}\nauthor {who} {START} +0000\ncommitter {who} {committer}\n\nharm\n"
        commit = self.object("commit", text.encode())
        self.repo.git("update-ref", "refs/heads/main", commit)
        return commit

    async def read(self, mirror: Path) -> Declaration:
        source = RemoteSource(self.repo.url, "main", "manifests", mirror)
        return await ManifestReader(source).read()


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    return Hostile(tmp_path / "hostile")


def names(declaration: Declaration) -> list[str]:
    return [item.distribution.name for item in declaration.declared]


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        (Entry(b"link.yaml", "120000", data=b"/etc/passwd"), NOT_A_FILE.id),
        (Entry(b"link.yaml", "120000", data=b"good.yaml"), NOT_A_FILE.id),
        (Entry(b"module.yaml", "160000", "a" * 40), NOT_A_FILE.id),
        (Entry(b"large.yaml", data=b"#" * 300_000), TOO_LARGE.id),
        (Entry(b"\xff\xfe.yaml"), ODD_PATH.id),
        (Entry(b"new\nline.yaml"), ODD_PATH.id),
        (Entry(b"--upload-pack=touch canary.yaml"), ODD_PATH.id),
        (Entry(b"-rf.yaml"), ODD_PATH.id),
        (Entry(b"back\\slash.yaml"), ODD_PATH.id),
        (Entry("\u202etxt.yaml".encode()), ODD_PATH.id),
        (Entry(b"n" * 3000 + b".yaml"), ODD_PATH.id),
        (Entry(b"Good.yaml", data=(GOOD["manifests/good.yaml"] or "").encode()), CASE_COLLISION.id),
    ],
    ids=lambda value: repr(value.name[:12]) if isinstance(value, Entry) else value,
)
async def test_an_entry_that_is_refused(hostile: Hostile, tmp_path: Path, entry: Entry, rule: str) -> None:
    """It is told under its rule, it is not read, and its neighbour is."""
    hostile.commit(entry)
    declaration = await hostile.read(tmp_path / "m.git")

    assert names(declaration) == ["good"]
    assert declaration.declared[0].builds
    told = [problem for problem in declaration.diagnostics if problem.rule == rule]
    assert len(told) == 1
    assert told[0].path.isprintable()


@pytest.mark.parametrize("name", [b"..", b".", b".git", b"a/b", b"", b"~1"])
async def test_a_tree_that_leads_elsewhere(hostile: Hostile, tmp_path: Path, name: bytes) -> None:
    """Folders named to climb out are refused by their paths or by git; nothing is written anywhere."""
    inner = hostile.tree(Entry(b"escape.yaml"))
    hostile.commit(Entry(name, "40000", inner))
    before = sorted(path.name for path in tmp_path.iterdir())
    try:
        declaration = await hostile.read(tmp_path / "m.git")
        assert names(declaration) in (["good"], [])
        assert any(problem.rule for problem in declaration.diagnostics)
    except WombatError as error:
        assert error.message  # noqa: PT017 - either is fine
    assert {path.name for path in tmp_path.iterdir()} - set(before) <= {"m.git", "m.git.lock"}


async def test_nothing_of_a_repository_is_executed(hostile: Hostile, tmp_path: Path) -> None:
    """Hooks, filters, submodule commands, attributes: all there, none run."""
    canary = tmp_path / "canary"
    run = f"touch {canary}"
    modules = f'[submodule "x"]\n\tpath = sub\n\turl = ext::sh -c "{run}"\n\tupdate = !{run}\n'
    hook = hostile.object("blob", f"#!/bin/sh\n{run}\n".encode())
    hooks = hostile.tree(Entry(b"post-checkout", "100755", hook), Entry(b"reference-transaction", "100755", hook))
    hostile.commit(
        top=(
            Entry(b".gitattributes", data=b"* filter=evil diff=evil merge=evil\n"),
            Entry(b".gitconfig", data=f'[filter "evil"]\n\tsmudge = {run}\n'.encode()),
            Entry(b".gitmodules", data=modules.encode()),
            Entry(b"hooks", "40000", hooks),
        )
    )
    for name in ("pre-auto-gc", "reference-transaction", "post-checkout", "fsmonitor-watchman"):
        path = hostile.repo.path / ".git" / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{run}\n")
        path.chmod(0o755)
    declaration = await hostile.read(tmp_path / "m.git")

    assert names(declaration) == ["good"]
    assert not canary.exists()


@pytest.mark.parametrize(
    "url", ["ext::sh -c touch% canary", "fd::17/foo", "-u./x", "--upload-pack=touch canary", "git://h/x"]
)
def test_urls_that_would_run_something(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are refused before git is asked."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refused):
        RemoteSource(url, "main", "manifests", tmp_path / "m.git")
    assert list(tmp_path.iterdir()) == []


async def test_branches_with_harmful_names_beside_ours(hostile: Hostile, tmp_path: Path) -> None:
    """Other refs of the host are not even fetched."""
    head = hostile.repo.git("rev-parse", "HEAD")
    for ref in ("refs/heads/--upload-pack=x", "refs/heads/main@", "refs/tags/main", "refs/replace/" + head):
        hostile.repo.git("update-ref", ref, head)
    declaration = await hostile.read(tmp_path / "m.git")

    assert names(declaration) == ["good"]
    refs = subprocess.run(
        ["git", "--git-dir", str(tmp_path / "m.git"), "for-each-ref", "--format=%(refname)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert refs.stdout.split() == ["refs/wombat/head"]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n",
        "[" * 100_000,
        "x: !!python/object/apply:os.system ['touch canary']\n",
        "name: x\n" * 20_000,
        "\x00" * 1000,
    ],
    ids=["aliases", "depth", "object", "keys", "nulls"],
)
async def test_a_yaml_bomb_harms_nobody(hostile: Hostile, tmp_path: Path, text: str) -> None:
    """It ends soon and is told; the neighbour is built."""
    hostile.commit(*(Entry(b"bomb-%02d.yaml" % number, data=text.encode()) for number in range(20)))
    started = time.perf_counter()
    declaration = await hostile.read(tmp_path / "m.git")

    assert names(declaration) == ["good"]
    assert len({problem.path for problem in declaration.diagnostics}) >= 20
    assert time.perf_counter() - started < 30


@pytest.mark.parametrize(
    "when", ["99999999999999 +0000", "-1 +0000", "0 +9999", "x +0000", "18446744073709551615 +0000"]
)
async def test_impossible_dates(hostile: Hostile, tmp_path: Path, when: str) -> None:
    """A commit may claim any date; it is told as the nearest one there is."""
    changed = (GOOD["manifests/good.yaml"] or "") + "# changed\n"
    hostile.repo.commit({"manifests/good.yaml": changed})
    hostile.commit(Entry(b"good2.yaml"), committer=when)
    hostile.repo.git("read-tree", "HEAD")
    declaration = await hostile.read(tmp_path / "m.git")

    assert names(declaration) == ["good"]


async def test_100_000_entries(hostile: Hostile, tmp_path: Path) -> None:
    """Very many files that are no manifests cost seconds at most, and no descriptors."""
    blob = hostile.object("blob", b"x\n")
    hostile.commit(*(Entry(b"file-%06d.txt" % number, oid=blob) for number in range(100_000)))
    opened = len(list(Path("/proc/self/fd").iterdir()))
    started = time.perf_counter()
    declaration = await hostile.read(tmp_path / "m.git")

    assert names(declaration) == ["good"]
    assert time.perf_counter() - started < 30
    assert len(list(Path("/proc/self/fd").iterdir())) <= opened + 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2 * 1024 * 1024


async def test_more_manifests_than_are_read(hostile: Hostile, tmp_path: Path) -> None:
    """Too many manifests are none at all: nothing is retired, and a condition says so."""
    watch = Watch(hostile.repo, tmp_path / "m.git")
    await watch.reconciler.once()
    blob = hostile.object("blob", b"x\n")
    many = range(MOST_MANIFESTS + 1)
    hostile.commit(*(Entry(b"x%06d.yaml" % number, oid=blob) for number in many))
    outcome = await watch.reconciler.once()

    assert isinstance(outcome.error, TooLarge)
    reasons = {condition.type: condition.reason for condition in (await watch.record()).conditions}
    assert reasons["FetchFailed"] == "TooLarge"
    good = await watch.distributions.get("good")
    assert good is not None
    assert not good.value.retired


async def test_the_lower_case_name_wins(hostile: Hostile, tmp_path: Path) -> None:
    """Of names that are one on some file systems, the one in lower case is used; without one, none is."""
    text = (GOOD["manifests/good.yaml"] or "").replace("name: good", "name: x")
    folders = [Entry(name, "40000", hostile.tree(Entry(b"x.yaml", data=text.encode()))) for name in (b"A", b"a")]
    hostile.commit(*folders, Entry(b"TWO.yaml"), Entry(b"Two.yaml"))
    declaration = await hostile.read(tmp_path / "m.git")

    told = sorted(problem.path for problem in declaration.diagnostics if problem.rule == CASE_COLLISION.id)
    assert told == ["manifests/A/x.yaml", "manifests/TWO.yaml", "manifests/Two.yaml"]
    assert "x" in {item.distribution.name for item in declaration.declared}


async def test_a_repository_that_would_fill_the_disk(hostile: Hostile, tmp_path: Path) -> None:
    """What a mirror may hold is bounded; what was fetched of it is gone, and a smaller one is read again."""
    small = hostile.repo.git("rev-parse", "HEAD")
    hostile.commit(top=(Entry(b"AAA", data=random.Random(1).randbytes(3_000_000)),))
    mirror = tmp_path / "m.git"
    source = RemoteSource(hostile.repo.url, "main", "manifests", mirror, largest=1_000_000)
    with pytest.raises(TooLarge, match="more than 1,000,000 bytes"):
        await ManifestReader(source).read()
    assert not mirror.exists()

    hostile.repo.git("update-ref", "refs/heads/main", small)
    assert names(await ManifestReader(source).read()) == ["good"]


async def test_a_fetch_that_never_ends_is_ended_at_the_limit(hostile: Hostile, tmp_path: Path) -> None:
    """A host that goes on sending is cut off long before its deadline."""
    hostile.commit(top=(Entry(b"AAA", data=random.Random(1).randbytes(3_000_000)),))
    mirror = tmp_path / "m.git"
    started = time.perf_counter()
    async with asyncio.timeout(60), throttled(tmp_path) as server:
        url = f"git://127.0.0.1:{server.port}/hostile"
        source = RemoteSource(url, "main", "manifests", mirror, protocols={"git"}, largest=100_000, seconds=50)
        with pytest.raises(TooLarge):
            await ManifestReader(source).read()
        assert server.reached.is_set()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
    assert time.perf_counter() - started < 30
    assert not mirror.exists()
