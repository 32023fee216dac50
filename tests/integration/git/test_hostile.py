"""Repositories made to do harm: each is read to its end, nothing of it is executed, and good neighbours are built."""

from __future__ import annotations

import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.hostile import GOOD, Entry, Hostile, names, serving
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.adapters.git.revision import RevisionSource
from wombat_gitops.adapters.git.worktree import WorkTreeSource
from wombat_gitops.domain.errors import NotFound, Refused, WombatError
from wombat_gitops.domain.manifest.rules import CASE_COLLISION, LOCK_MISSING, NOT_A_FILE, ODD_PATH, TOO_LARGE
from wombat_gitops.services.manifests import ManifestReader

if TYPE_CHECKING:
    pass


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    return Hostile(tmp_path / "hostile")


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
        ("https://host.invalid/\x1b[2Ja", r"https://host.invalid/\x1b[2Ja"),
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


async def test_the_lower_case_name_wins(hostile: Hostile, tmp_path: Path) -> None:
    """Of names that are one on some file systems, the one in lower case is used; without one, none is."""
    text = (GOOD["manifests/good.yaml"] or "").replace("name: good", "name: x")
    folders = [Entry(name, "40000", hostile.tree(Entry(b"x.yaml", data=text.encode()))) for name in (b"A", b"a")]
    hostile.commit(*folders, Entry(b"TWO.yaml"), Entry(b"Two.yaml"))
    declaration = await hostile.read(tmp_path / "m.git")

    told = sorted(problem.path for problem in declaration.diagnostics if problem.rule == CASE_COLLISION.id)
    assert told == ["manifests/A/x.yaml", "manifests/TWO.yaml", "manifests/Two.yaml"]
    assert "x" in {item.distribution.name for item in declaration.declared}
