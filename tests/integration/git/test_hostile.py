"""Repositories made to do harm: each is read to its end, nothing of it is executed, and good neighbours are built."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import resource
import struct
import subprocess
import threading
import zlib
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.git.test_killed import throttled
from tests.integration.git.test_watching import Watch, manifest
from tests.support.gitrepo import START, GitRepo
from wombat_gitops.adapters.git.objects import MOST_ENTRIES
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.adapters.git.revision import RevisionSource
from wombat_gitops.adapters.git.worktree import WorkTreeSource
from wombat_gitops.domain.errors import NotFound, Refused, TooLarge, WombatError
from wombat_gitops.domain.manifest.rules import CASE_COLLISION, LOCK_MISSING, NOT_A_FILE, ODD_PATH, TOO_LARGE
from wombat_gitops.services.manifests import MOST_MANIFESTS, ManifestReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wombat_gitops.domain.declaration import Declaration

GOOD = manifest("good")
PATH_MAX = 4096


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
        """Store an object as it is, without asking git what it thinks of it."""
        whole = b"%s %d\0" % (kind.encode(), len(data)) + data
        oid = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        place = self.repo.path / ".git" / "objects" / oid[:2] / oid[2:]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(zlib.compress(whole, 1))
        return oid

    def wide(self) -> str:
        """A tree of a few kilobytes that lists ten billion files."""
        blob = self.object("blob", b"x: y\n")
        tree = self.tree(*(Entry(b"%d.yaml" % number, oid=blob) for number in range(10)))
        for _ in range(9):
            tree = self.tree(*(Entry(b"%d" % number, "40000", tree) for number in range(10)))
        return tree

    def commit_as(self, tree: str, committer: str = f"{START} +0000") -> str:
        """Make a commit with that tree."""
        parent = self.repo.git("rev-parse", "HEAD")
        who = "somebody <somebody@localhost>"
        text = f"tree {tree}\nparent {parent}\nauthor {who} {START} +0000\ncommitter {who} {committer}\n\nharm\n"
        commit = self.object("commit", text.encode())
        self.repo.git("update-ref", "refs/heads/main", commit)
        return commit

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
        return self.commit_as(self.tree(*top, Entry(b"manifests", "40000", folder)), committer)

    async def read(self, mirror: Path) -> Declaration:
        source = RemoteSource(self.repo.url, "main", "manifests", mirror)
        return await ManifestReader(source).read()


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    return Hostile(tmp_path / "hostile")


@contextlib.contextmanager
def serving(handler: Callable[..., SimpleHTTPRequestHandler]) -> Iterator[ThreadingHTTPServer]:
    """A server on a port of its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def programs_in(folder: Path) -> list[str]:
    """Command lines of programs that still work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_bytes().decode().replace("\0", " "))
    return found


def delta_bomb(repo: GitRepo, copies: int = 40) -> str:
    """Put a pack into a repository whose second object is *copies* times 16 MiB in a few hundred bytes."""
    base = bytes(0xFFFFFF)
    copy = b"\xf0\xff\xff\xff"  # all of the base, from its beginning
    delta = _number(len(base)) + _number(len(base) * copies) + copy * copies
    digest = hashlib.sha1(b"blob %d\0" % (len(base) * copies), usedforsecurity=False)
    for _ in range(copies):
        digest.update(base)
    of_base = hashlib.sha1(b"blob %d\0" % len(base) + base, usedforsecurity=False).digest()
    pack = b"PACK" + struct.pack(">II", 2, 2)
    pack += _packed(3, base) + _packed(7, delta, of_base)
    pack += hashlib.sha1(pack, usedforsecurity=False).digest()
    place = repo.path / ".git" / "objects" / "pack" / "pack-bomb.pack"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(pack)
    repo.git("index-pack", str(place))
    return digest.hexdigest()


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _packed(kind: int, data: bytes, base: bytes = b"") -> bytes:
    """An object of a pack: kind and size, what a delta starts from, the bytes."""
    head = bytes([0x80 | kind << 4 | len(data) & 0xF]) + _number(len(data) >> 4)
    return head + base + zlib.compress(data, 1)


def names(declaration: Declaration) -> list[str]:
    return [item.distribution.name for item in declaration.declared]


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        (Entry(b"link.yaml", "120000", data=b"/etc/passwd"), NOT_A_FILE.id),
        (Entry(b"link.yaml", "120000", data=b"good.yaml"), NOT_A_FILE.id),
        (Entry(b"module.yaml", "160000", "a" * 40), NOT_A_FILE.id),
        (Entry(b"large.yaml", data=b"#" * 300_000), TOO_LARGE.id),
        (Entry(b"vast.yaml", data=bytes(200_000_000)), TOO_LARGE.id),
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


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:p@ss@-host.invalid/a", "https://-host.invalid/a"),
        ("https://user:pass@host.invalid:bad port/a", "https://host.invalid:bad port/a"),
        ("ftp://user:p@ss@host.invalid/a?b=c@d", "ftp://host.invalid/a?b=c@d"),
        ("https://host.invalid/\x1b[2Ja", "https://host.invalid/�[2Ja"),
    ],
)
def test_what_is_refused_is_shown_without_secrets(tmp_path: Path, url: str, shown: str) -> None:
    """No password reaches a message, not even a part of one, and nothing that moves a terminal's cursor."""
    with pytest.raises(Refused) as refused:
        RemoteSource(url, "main", "manifests", tmp_path / "m.git")
    assert f"`{shown}`" in refused.value.message


async def test_no_password_follows_a_redirect(hostile: Hostile, tmp_path: Path) -> None:
    """A host that sends elsewhere is followed without credentials only: git would send them along."""
    hostile.repo.git("update-server-info")
    asked = list[str]()

    class Elsewhere(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization", ""))
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    class Redirecting(Elsewhere):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{there.server_port}{self.path}")
            self.end_headers()

    folder = str(hostile.repo.path / ".git")
    with serving(partial(Elsewhere, directory=folder)) as there, serving(Redirecting) as here:
        source = RemoteSource(f"http://127.0.0.1:{here.server_port}/", "main", "", tmp_path / "a", protocols={"http"})
        assert await source.revision() == hostile.repo.git("rev-parse", "HEAD")
        assert asked

        url = f"http://me:hunter2@127.0.0.1:{here.server_port}/"
        source = RemoteSource(url, "main", "", tmp_path / "b", protocols={"http"})
        with pytest.raises(Refused) as refused:
            await source.revision()
    assert refused.value.hint.startswith("write the address that it has now")
    assert "hunter2" not in refused.value.message
    assert set(asked) == {""}


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
        "tags: [" + "*a, {}, " * 1_000 + "]\n",
        "name: x\n" * 20_000,
        "\x00" * 1000,
    ],
    ids=["aliases", "depth", "object", "broken", "keys", "nulls"],
)
async def test_a_yaml_bomb_harms_nobody(hostile: Hostile, tmp_path: Path, text: str) -> None:
    """It ends soon and is told; the neighbour is built."""
    hostile.commit(*(Entry(b"bomb-%02d.yaml" % number, data=text.encode()) for number in range(20)))
    declaration = await hostile.read(tmp_path / "m.git")

    assert names(declaration) == ["good"]
    assert len({problem.path for problem in declaration.diagnostics}) >= 20


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
    declaration = await hostile.read(tmp_path / "m.git")

    assert names(declaration) == ["good"]
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


async def test_a_tree_that_lists_more_than_fits_anywhere(hostile: Hostile, tmp_path: Path) -> None:
    """Trees that hold each other many times: nothing is retired, a condition says so, and no git goes on."""
    watch = Watch(hostile.repo, tmp_path / "m.git")
    await watch.reconciler.once()
    hostile.commit(Entry(b"wide", "40000", hostile.wide()))
    outcome = await watch.reconciler.once()

    assert isinstance(outcome.error, TooLarge)
    reasons = {condition.type: condition.reason for condition in (await watch.record()).conditions}
    assert reasons["FetchFailed"] == "TooLarge"
    good = await watch.distributions.get("good")
    assert good is not None
    assert not good.value.retired
    assert not programs_in(tmp_path)


async def test_a_history_that_lists_more_than_fits_anywhere(hostile: Hostile, tmp_path: Path) -> None:
    """Such a tree in an older commit: git may not take all memory for it."""
    clean = hostile.repo.git("rev-parse", "HEAD^{tree}")
    hostile.commit(Entry(b"wide", "40000", hostile.wide()))
    hostile.commit_as(clean)
    with pytest.raises(TooLarge, match="more memory"):
        await hostile.read(tmp_path / "m.git")
    assert not programs_in(tmp_path)


async def test_a_few_bytes_that_stand_for_a_file_of_gigabytes(hostile: Hostile, tmp_path: Path) -> None:
    """A delta that copies the same part again and again; nobody makes the file of it."""
    hostile.commit(Entry(b"vast.yaml", oid=delta_bomb(hostile.repo)))
    with pytest.raises(TooLarge, match="more memory"):
        await hostile.read(tmp_path / "m.git")


async def test_very_deep_folders(hostile: Hostile, tmp_path: Path) -> None:
    """No nesting exhausts a stack."""
    tree = hostile.tree(Entry(b"x.yaml"))
    for _ in range(3_000):
        tree = hostile.tree(Entry(b"d", "40000", tree))
    hostile.commit(Entry(b"d", "40000", tree))
    declaration = await hostile.read(tmp_path / "m.git")

    assert names(declaration) == ["good"]
    assert [problem.rule for problem in declaration.diagnostics] == [ODD_PATH.id]


async def test_more_files_than_are_looked_at(hostile: Hostile, tmp_path: Path) -> None:
    """They are counted before anything is made of them."""
    blob = hostile.object("blob", b"x\n")
    hostile.commit(*(Entry(b"%06d" % number, oid=blob) for number in range(MOST_ENTRIES)))
    with pytest.raises(TooLarge, match=f"at most {MOST_ENTRIES:,}"):
        await hostile.read(tmp_path / "m.git")


@pytest.mark.parametrize("mode", ["120000", "160000"])
async def test_a_lock_that_is_somewhere_else(hostile: Hostile, tmp_path: Path, mode: str) -> None:
    """A link or a submodule in the place of a lock's folder is not followed: there is no lock, and no build."""
    text = (GOOD["manifests/good.yaml"] or "").replace("name: good", "name: elsewhere")
    link = Entry(b"elsewhere.lock", mode, "a" * 40 if mode == "160000" else "", b"good.lock")
    hostile.commit(Entry(b"elsewhere.yaml", data=text.encode()), link)
    declaration = await hostile.read(tmp_path / "m.git")

    assert {item.distribution.name: bool(item.builds) for item in declaration.declared} == {
        "good": True,
        "elsewhere": False,
    }
    assert {problem.rule for problem in declaration.diagnostics} == {NOT_A_FILE.id, LOCK_MISSING.id}


async def test_names_that_are_options_where_names_are_asked_for(hostile: Hostile, tmp_path: Path) -> None:
    """Branches like that are refused, files in a folder like that are told, and a revision like that is not there."""
    canary = tmp_path / "canary"
    option = f"--output={canary}"
    inner = hostile.tree(Entry(b"good.yaml", data=(GOOD["manifests/good.yaml"] or "").encode()))
    hostile.commit(top=(Entry(b"--output", "40000", inner),))
    source = RemoteSource(hostile.repo.url, "main", "--output", tmp_path / "m.git")

    assert [problem.rule for problem in (await ManifestReader(source).read()).diagnostics] == [ODD_PATH.id]
    for branch in (option, "--upload-pack=touch canary", "-u", "refs/heads/-u"):
        with pytest.raises(Refused):
            RemoteSource(hostile.repo.url, branch, "manifests", tmp_path / "x.git")
    with pytest.raises(NotFound):
        await RevisionSource(hostile.repo.path, option, "manifests").revision()
    assert not canary.exists()


async def test_a_checkout_with_a_configuration_of_its_own(hostile: Hostile, tmp_path: Path) -> None:
    """A folder that was handed over with its `.git`: none of what it would have git run is run."""
    canary = tmp_path / "canary"
    run = f"touch {canary};"
    blob = hostile.repo.git("rev-parse", "HEAD:manifests/good.yaml")
    for name, value in {
        "core.fsmonitor": run,
        "core.hooksPath": str(tmp_path / "hooks"),
        "core.sshCommand": run,
        "core.pager": run,
        "core.gitProxy": run,
        "core.alternateRefsCommand": run,
        "diff.external": run,
        "diff.evil.textconv": run,
        "filter.evil.smudge": run,
        "filter.evil.clean": run,
        "filter.evil.process": run,
        "gpg.program": run,
        "log.showSignature": "true",
        "credential.helper": f"!{run}",
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "evil",
        "remote.evil.promisor": "true",
        "remote.evil.url": f'ext::sh -c "{run}"',
        "remote.evil.uploadpack": run,
    }.items():
        hostile.repo.git("config", name, value)
    (hostile.repo.path / ".git" / "info").mkdir(exist_ok=True)
    (hostile.repo.path / ".git" / "info" / "attributes").write_text("* filter=evil diff=evil\n")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        (hooks / name).write_text(f"#!/bin/sh\n{run}\n")
        (hooks / name).chmod(0o755)
    (hostile.repo.path / "manifests" / "more.yaml").write_text("x: y\n")

    assert names(await ManifestReader(WorkTreeSource(hostile.repo.path, "manifests")).read()) == ["good"]
    (hostile.repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()  # has to be fetched from `evil` now
    with pytest.raises(WombatError):
        await ManifestReader(RevisionSource(hostile.repo.path, "main", "manifests")).read()
    assert not canary.exists()

    subprocess.run(["git", "status"], cwd=hostile.repo.path, capture_output=True, check=False, timeout=60)
    assert canary.exists()  # as it is run by who asks git without care


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of manifests in no repository, which is the current one."""
    folder = tmp_path / "checkout" / "manifests"
    folder.mkdir(parents=True)
    (folder / "good.yaml").write_text(GOOD["manifests/good.yaml"] or "")
    monkeypatch.chdir(folder)
    yield folder.parent
    subprocess.run(["rm", "-rf", str(folder)], check=True, timeout=60)  # deeper than Python removes


@pytest.mark.parametrize("depth", [1_200, 3_000])
async def test_a_very_deep_folder_on_disk(checkout: Path, depth: int) -> None:
    """It is walked to its end without a stack; a path that no system call takes is told as such."""
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    Path("x.yaml").touch()
    reader = ManifestReader(WorkTreeSource(checkout, "manifests"))
    if depth > PATH_MAX // 2:
        with pytest.raises(Refused, match="file name too long"):
            await reader.read()
    else:
        declaration = await reader.read()
        assert names(declaration) == ["good"]
        assert ODD_PATH.id in {problem.rule for problem in declaration.diagnostics}


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
    async with asyncio.timeout(60), throttled(tmp_path) as server:
        url = f"git://127.0.0.1:{server.port}/hostile"
        source = RemoteSource(url, "main", "manifests", mirror, protocols={"git"}, largest=100_000, seconds=50)
        with pytest.raises(TooLarge):
            await ManifestReader(source).read()
        assert server.reached.is_set()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
    assert not mirror.exists()
