"""Only commits signed by who may: real keys, real signatures, real repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.git.test_watching import Watch, manifest
from tests.support.gitrepo import GitRepo
from tests.support.signing import Gpg, allow, commit_with_ssh, gpg_home, ssh_key
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.adapters.git.signatures import GpgVerifier, SshVerifier, Verifier, part_commit
from wombat_gitops.adapters.git.verified import VerifiedSource
from wombat_gitops.domain.errors import Unverified

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES: dict[str, str | None] = {"manifests/a.yaml": "a\n"}


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo")


@pytest.fixture
def gpg() -> Iterator[Gpg]:
    with gpg_home() as home:
        yield home


def source(repo: GitRepo, tmp_path: Path, verifier: Verifier) -> VerifiedSource:
    return VerifiedSource(RemoteSource(repo.url, "main", "manifests", tmp_path / "m.git"), verifier)


async def reason(verified: VerifiedSource) -> str:
    """Why the newest commit is refused."""
    with pytest.raises(Unverified) as caught:
        await verified.revision()
    assert verified.signer == ""
    with pytest.raises(Unverified):
        await verified.tree(caught.value.revision)
    return caught.value.reason


def rewrite(repo: GitRepo, old: bytes, new: bytes) -> str:
    """Make a commit object that differs from the newest one, keep its signature, and move the branch there."""
    data = subprocess.run(
        ["git", "cat-file", "commit", "HEAD"], cwd=repo.path, check=True, capture_output=True, timeout=30
    ).stdout
    assert old in data
    command = ["git", "hash-object", "-t", "commit", "-w", "--stdin", "--literally"]
    made = subprocess.run(
        command, cwd=repo.path, check=True, capture_output=True, timeout=30, input=data.replace(old, new, 1)
    )
    commit = made.stdout.decode().strip()
    repo.git("update-ref", "refs/heads/main", commit)
    return commit


async def test_ssh_signed_is_used(repo: GitRepo, tmp_path: Path) -> None:
    """A commit by an allowed key is read, and it is told whose it is; so is a tree behind it."""
    key = ssh_key(tmp_path, "ada")
    commit = commit_with_ssh(repo, key, FILES)
    verified = source(repo, tmp_path, SshVerifier(allow(tmp_path / "allowed", key)))

    assert await verified.revision() == commit
    assert verified.signer == "ada@example.invalid"
    assert [entry.path for entry in (await verified.tree(commit)).entries] == ["manifests/a.yaml"]


async def test_ssh_refusals(repo: GitRepo, tmp_path: Path) -> None:
    """Unsigned, foreign, tampered, expired, revoked, for another use, without a list: each has its reason."""
    ada, eve = ssh_key(tmp_path, "ada"), ssh_key(tmp_path, "eve")
    allowed = allow(tmp_path / "allowed", ada)
    verified = source(repo, tmp_path, SshVerifier(allowed))

    repo.commit(FILES)
    assert await reason(verified) == "NotSigned"
    commit_with_ssh(repo, eve, FILES)
    assert await reason(verified) == "UnknownKey"
    good = commit_with_ssh(repo, ada, FILES)
    assert await verified.revision() == good
    rewrite(repo, b"signed\n", b"signed by somebody else\n")
    assert await reason(verified) == "BadSignature"
    repo.git("update-ref", "refs/heads/main", good)
    rewrite(repo, b"gpgsig ", b"gpgsig -----BEGIN SSH SIGNATURE-----\n x\nencoding UTF-8\ngpgsig ")
    assert await reason(verified) == "BadSignature"
    repo.git("update-ref", "refs/heads/main", good)
    allow(allowed, ada, options='valid-before="20200101"')
    assert await reason(verified) == "KeyExpired"
    allow(allowed, ada, options='namespaces="file"')
    assert await reason(verified) == "UnknownKey"
    allow(allowed, ada)
    assert await verified.revision() == good
    allowed.unlink()
    assert await reason(verified) == "UnknownKey"


async def test_a_revoked_ssh_key_is_refused(repo: GitRepo, tmp_path: Path) -> None:
    """A key in the revocation file is refused though it is allowed."""
    ada = ssh_key(tmp_path, "ada")
    commit_with_ssh(repo, ada, FILES)
    revoked = tmp_path / "revoked"
    revoked.write_text("")
    verified = source(repo, tmp_path, SshVerifier(allow(tmp_path / "allowed", ada), revoked))
    await verified.revision()
    revoked.write_text(ada.with_suffix(".pub").read_text())

    assert await reason(verified) == "KeyRevoked"


async def test_gpg_signed_is_used(repo: GitRepo, tmp_path: Path, gpg: Gpg) -> None:
    """A commit by one of the keys is read, whatever other keyrings the machine has."""
    ada = gpg.key("ada")
    commit = gpg.commit(repo, ada, FILES)
    verified = source(repo, tmp_path, GpgVerifier((gpg.export(tmp_path / "ada.asc", ada),)))

    assert await verified.revision() == commit
    assert verified.signer.startswith("ada <ada@example.invalid> ")


async def test_gpg_refusals(repo: GitRepo, tmp_path: Path, gpg: Gpg) -> None:
    """Unsigned, foreign, tampered, of another kind, without a key: each has its reason."""
    ada, eve = gpg.key("ada"), gpg.key("eve")
    key = gpg.export(tmp_path / "ada.asc", ada)
    verified = source(repo, tmp_path, GpgVerifier((key,)))

    repo.commit(FILES)
    assert await reason(verified) == "NotSigned"
    gpg.commit(repo, eve, FILES)
    assert await reason(verified) == "UnknownKey"
    good = gpg.commit(repo, ada, FILES)
    assert await verified.revision() == good
    rewrite(repo, b"somebody <", b"nobody <")
    assert await reason(verified) == "BadSignature"
    commit_with_ssh(repo, ssh_key(tmp_path, "ada"), FILES)
    assert await reason(verified) == "WrongKind"
    repo.git("update-ref", "refs/heads/main", good)
    key.write_text("no key\n")
    assert await reason(verified) == "UnknownKey"


async def test_expired_and_revoked_gpg_keys_are_refused(repo: GitRepo, tmp_path: Path, gpg: Gpg) -> None:
    """A key is judged now: that it was good when the commit says it was made does not help."""
    then = "20200101T000000"
    old = gpg.key("old", expires="1d", at=then)
    gpg.commit(repo, old, FILES, at=then)
    verified = source(repo, tmp_path, GpgVerifier((gpg.export(tmp_path / "old.asc", old),)))
    assert await reason(verified) == "KeyExpired"

    ada = gpg.key("ada")
    commit = gpg.commit(repo, ada, FILES)
    verified = source(repo, tmp_path, GpgVerifier((gpg.export(tmp_path / "ada.asc", ada),)))
    assert await verified.revision() == commit
    gpg.revoke(ada)
    gpg.export(tmp_path / "ada.asc", ada)
    assert await reason(verified) == "KeyRevoked"


async def test_the_last_good_commit_stays(repo: GitRepo, tmp_path: Path) -> None:
    """An unsigned commit on top changes nothing but the condition; the next signed one is used."""
    key = ssh_key(tmp_path, "ada")
    good = commit_with_ssh(repo, key, manifest("a"))
    watch = Watch(repo, tmp_path / "m.git", source(repo, tmp_path, SshVerifier(allow(tmp_path / "allowed", key))))
    await watch.reconciler.once()
    bad = repo.commit(manifest("b"))
    outcome = await watch.reconciler.once()

    assert isinstance(outcome.error, Unverified)
    assert outcome.error.revision == bad
    assert await watch.distributions.get("b") is None
    record = await watch.record()
    assert record.revision == good
    reasons = {condition.type: condition.reason for condition in record.conditions}
    assert reasons == {"Ready": "NotSigned", "VerificationFailed": "NotSigned", "Stalled": "NotSigned"}

    commit_with_ssh(repo, key, {})
    await watch.reconciler.once()
    assert await watch.distributions.get("b") is not None
    assert [condition.type for condition in (await watch.record()).conditions] == ["Ready"]


def test_only_the_whole_commit_is_signed() -> None:
    """An object that is not the one of its id is refused before anything is checked."""
    with pytest.raises(Unverified, match="is not the commit of that id"):
        part_commit("0" * 40, b"tree x\n\nmessage\n")
