"""Which kind of source a setting means: a repository far away, a work tree here, or one revision of it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.git.empty import EmptySource
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.adapters.git.revision import RevisionSource
from wombat_gitops.adapters.git.worktree import WorkTreeSource
from wombat_gitops.domain.errors import NotFound

if TYPE_CHECKING:
    from wombat_gitops.ports import ManifestSource
    from wombat_gitops.settings import Settings

_URL: Final = re.compile(r"^([a-z][a-z0-9+.-]*://|[^/@\s]+@[^/:\s]+:)")
_DEFAULT_BRANCH: Final = "main"


def is_remote(repo: str) -> bool:
    """Whether *repo* is a URL (`ssh://…`, `git@host:path`) and not a path."""
    return _URL.match(repo) is not None


def manifest_source(settings: Settings, *, revision: str | None = None) -> ManifestSource:
    """The source that the settings name.

    Args:
        revision: read this revision of the local repository instead of its work tree.

    Raises:
        NotFound: the path does not exist.
        Refused: the URL is not allowed.
    """
    if is_remote(settings.repo) or settings.ref:
        mirror = hashlib.sha256(f"{settings.repo}\n{settings.ref}".encode()).hexdigest()[:16]
        return RemoteSource(
            settings.repo if is_remote(settings.repo) else str(Path(settings.repo).resolve()),
            settings.ref or _DEFAULT_BRANCH,
            settings.folder,
            settings.data / "mirrors" / f"{mirror}.git",
        )
    root = Path(settings.repo).resolve()
    if not root.is_dir():
        msg = f"there is no folder `{settings.repo}`"
        raise NotFound(msg)
    if revision is not None:
        return RevisionSource(root, revision, settings.folder)
    return WorkTreeSource(root, settings.folder)


def base_source(settings: Settings, base: str, *, left_by: str = "") -> ManifestSource:
    """What the work in the local repository is compared with.

    Args:
        base: commit, branch or tag; "" compares with nothing, so that everything counts as new.
        left_by: the work; take the commit at which it left *base*, so that what came to *base* later is no change.

    Raises:
        Refused: there is no repository.
    """
    if not base:
        return EmptySource(settings.folder)
    return RevisionSource(Path(settings.repo).resolve(), base, settings.folder, left_by=left_by, empty=True)
