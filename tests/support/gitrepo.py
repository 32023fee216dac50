"""Real git repositories with fixed dates."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

START = 1_760_000_000


class GitRepo:
    """A repository with a work tree; each commit is an hour after the one before."""

    def __init__(self, path: Path, *, bare: bool = False) -> None:
        self.path = path
        self.seconds = START
        path.mkdir(parents=True)
        self.git("init", "--quiet", *(["--bare"] if bare else []), "--initial-branch=main", ".")

    @property
    def url(self) -> str:
        return self.path.as_uri()

    def git(self, *arguments: str) -> str:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "somebody",
            "GIT_AUTHOR_EMAIL": "somebody@localhost",
            "GIT_AUTHOR_DATE": f"{START} +0000",
            "GIT_COMMITTER_NAME": "somebody",
            "GIT_COMMITTER_EMAIL": "somebody@localhost",
            "GIT_COMMITTER_DATE": f"{self.seconds} +0000",
        }
        command = ["git", "-c", "protocol.file.allow=always", *arguments]
        done = subprocess.run(command, cwd=self.path, env=env, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.strip()

    def write(self, files: dict[str, str | None]) -> None:
        """Write files; None removes one."""
        for name, text in files.items():
            path = self.path / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="")

    def commit(self, files: dict[str, str | None] | None = None) -> str:
        """Write files, commit everything, and return the commit."""
        self.write(files or {})
        self.seconds += 3600
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD")

    def merge(self, branch: str) -> str:
        self.seconds += 3600
        self.git("merge", "--quiet", "--no-ff", "--strategy-option=ours", "--message", "merge", branch)
        return self.git("rev-parse", "HEAD")

    def now(self) -> datetime:
        """The date of the last commit."""
        return datetime.fromtimestamp(self.seconds, UTC)
