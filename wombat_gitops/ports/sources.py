"""Repositories with manifests, and the hosts they are on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from wombat_gitops.domain.commitstatus import CommitStatus, StatusTarget


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file below a source's folder: its path from the root of the repository and content id.

    Attributes:
        mode: git's file mode, `100644`; symbolic links and submodules are reported, never followed.
        size: bytes, or None where git does not say (submodules).
    """

    path: str
    oid: str
    mode: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Tree:
    """A source's folder at one revision."""

    revision: str
    entries: tuple[TreeEntry, ...]


class StatusWriter(Protocol):
    """Tells git hosts how commits stand."""

    async def write(self, target: StatusTarget, status: CommitStatus) -> None:
        """Write one status; the same one twice does no harm.

        Raises:
            Unreachable: the host does not answer, or asks to come back later.
            Refused: the host does not take it.
        """
        ...


class Refresher(Protocol):
    """Reaches the watchers."""

    async def refresh(self, source: str) -> None:
        """Have the source of this id looked at now, whoever watches it; a hint that may be lost.

        Raises:
            Unreachable: it cannot be passed on.
        """
        ...


class ManifestSource(Protocol):
    """A repository, branch and folder that is watched; read-only."""

    @property
    def id(self) -> str:
        """Short stable id, usable as a key."""
        ...

    @property
    def url(self) -> str:
        """Where it is read from, without credentials."""
        ...

    @property
    def ref(self) -> str:
        """The branch, or "" where the work tree itself is watched."""
        ...

    @property
    def folder(self) -> str:
        """The folder in the repository, `manifests`."""
        ...

    async def revision(self) -> str:
        """The newest revision, asked as cheaply as possible.

        Raises:
            Unreachable: the host does not answer, or not in time.
            NotFound: the branch does not exist.
            Refused: the URL is not allowed, or access was denied.
        """
        ...

    async def tree(self, revision: str) -> Tree:
        """All files below the folder at *revision* (fetched if need be). Raises as `revision` does."""
        ...

    async def read(self, tree: Tree, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of some entries of *tree*."""
        ...

    async def dates(self, tree: Tree, groups: Mapping[str, Sequence[str]]) -> Mapping[str, datetime]:
        """For each group of paths the committer date (UTC) of the newest first-parent commit that changed one.

        `UNCOMMITTED_DATE` where no commit holds what *tree* shows.
        """
        ...

    def changes(self) -> AbstractAsyncContextManager[Callable[[float], Awaitable[None]]]:
        """A waiter: `await wait(seconds)` returns when the source may have changed, or after *seconds*."""
        ...
