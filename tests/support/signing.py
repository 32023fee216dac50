"""Real keys of ssh-keygen and gpg, and repositories that sign with them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.gitrepo import GitRepo

_PATH = {"PATH": os.environ["PATH"], "LC_ALL": "C"}


def ssh_key(folder: Path, name: str) -> Path:
    """A new key pair; the public half lies beside it as `.pub`."""
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(command, env=_PATH, check=True, timeout=30, stdin=subprocess.DEVNULL)
    return path


def allow(file: Path, *keys: Path, options: str = "") -> Path:
    """Write a file of allowed signers, each as `<name>@example.invalid`."""
    lines = [f"{key.name}@example.invalid {options} {key.with_suffix('.pub').read_text()}" for key in keys]
    file.write_text("".join(lines))
    return file


def commit_with_ssh(repo: GitRepo, key: Path, files: dict[str, str | None]) -> str:
    """Commit files, signed with an SSH key."""
    repo.write(files)
    repo.seconds += 3600
    repo.git("add", "--all")
    sign = ["-c", "gpg.format=ssh", "-c", f"user.signingKey={key}.pub"]
    repo.git(*sign, "commit", "--quiet", "--allow-empty", "-S", "--message", "signed")
    return repo.git("rev-parse", "HEAD")


class Gpg:
    """A keyring of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *arguments: str, at: str = "", stdin: str = "") -> str:
        time = ["--faked-system-time", at] if at else []
        command = ["gpg", "--homedir", str(self.home), "--batch", "--no-tty", "--yes", *time, *arguments]
        done = subprocess.run(command, env=_PATH, check=True, capture_output=True, text=True, timeout=60, input=stdin)
        return done.stdout

    def key(self, name: str, *, expires: str = "never", at: str = "") -> str:
        """Make a key and return its user id."""
        user = f"{name} <{name}@example.invalid>"
        self.run("--passphrase", "", "--quick-gen-key", user, "ed25519", "sign", expires, at=at)
        return user

    def export(self, file: Path, user: str) -> Path:
        """Write a public key."""
        file.write_text(self.run("--armor", "--export", f"={user}"))
        return file

    def revoke(self, user: str) -> None:
        """Revoke a key with the certificate that was made with it."""
        listing = self.run("--with-colons", "--list-keys", f"={user}")
        fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
        certificate = (self.home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text()
        self.run("--import", stdin=certificate.replace(":-----BEGIN", "-----BEGIN"))

    def commit(self, repo: GitRepo, user: str, files: dict[str, str | None], *, at: str = "") -> str:
        """Commit files, signed with a key."""
        repo.write(files)
        repo.seconds += 3600
        time = f"--faked-system-time {at}" if at else ""
        program = self.home / "sign"
        program.write_text(f'#!/bin/sh\nexec gpg --homedir "{self.home}" --batch --no-tty {time} "$@"\n')
        program.chmod(0o700)
        repo.git("add", "--all")
        sign = ["-c", f"gpg.program={program}", "-c", f"user.signingKey={user.partition(' <')[2].rstrip('>')}"]
        repo.git(*sign, "commit", "--quiet", "--allow-empty", "-S", "--message", "signed")
        return repo.git("rev-parse", "HEAD")


@contextlib.contextmanager
def gpg_home() -> Iterator[Gpg]:
    """A keyring whose agent ends with the context; in a short path, since its socket lies there."""
    with tempfile.TemporaryDirectory(prefix="wg-", ignore_cleanup_errors=True) as place:
        try:
            yield Gpg(Path(place))
        finally:
            command = ["gpgconf", "--homedir", place, "--kill", "gpg-agent"]
            subprocess.run(command, env=_PATH, check=False, timeout=30)
