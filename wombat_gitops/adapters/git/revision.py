"""One revision of a repository on this machine, read as a remote source would read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.adapters.git.address import check_folder, source_id
from wombat_gitops.adapters.git.command import Git
from wombat_gitops.adapters.git.local import find_checkout
from wombat_gitops.adapters.git.objects import Repository
from wombat_gitops.adapters.git.waiting import only_time
from wombat_gitops.domain.errors import Refused, UnusableSource
from wombat_gitops.domain.model import UNCOMMITTED_DATE
from wombat_gitops.ports import Tree

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path


class RevisionSource:
    """`ports.ManifestSource` for what *revision* (a commit, branch or tag) of the repository around *path* holds.

    Args:
        left_by: a revision; instead of the newest commit, take the one at which that one left *revision*.
        empty: a revision without the folder holds nothing, as before the first manifest; else it is an error.

    Raises:
        NotFound: *path* does not exist.
        Refused: it is in no repository.
    """

    def __init__(
        self,
        path: Path,
        revision: str,
        folder: str,
        *,
        left_by: str = "",
        empty: bool = False,
        seconds: float = 60.0,
    ) -> None:
        checkout = find_checkout(path.absolute())
        if checkout is None:
            msg = f"`{path}` is not in a git repository"
            raise Refused(msg, hint="a revision can only be read from a repository")
        self._root = checkout.root
        self._revision = revision
        self._left_by = left_by
        self._empty = empty
        self._folder = checkout.folder(path.absolute(), check_folder(folder))
        shallow = checkout.common_dir / "shallow"
        self._repository = Repository(Git(seconds=seconds), checkout.git_dir, self._folder, shallow)

    @property
    def id(self) -> str:
        """Short stable id."""
        return source_id(self.url, self._revision, self._folder)

    @property
    def url(self) -> str:
        """The repository's place as a URL."""
        return self._root.as_uri()

    @property
    def ref(self) -> str:
        """The revision as it was asked for."""
        return self._revision

    @property
    def folder(self) -> str:
        """The folder in the repository."""
        return self._folder

    async def revision(self) -> str:
        """The commit that the revision names, or at which `left_by` left it; histories with no common one have none."""
        commit = await self._repository.resolve(self._revision)
        if not self._left_by:
            return commit
        other = await self._repository.resolve(self._left_by)
        return await self._repository.fork_point(commit, other) or commit

    async def tree(self, revision: str) -> Tree:
        """All files below the folder at a commit.

        Raises:
            UnusableSource: the folder is missing, or is something else.
        """
        commit = await self._repository.resolve(revision)
        try:
            return Tree(commit, await self._repository.entries(commit))
        except UnusableSource:
            if not self._empty:
                raise
            return Tree(commit, ())

    async def read(self, tree: Tree, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of some entries of *tree*."""
        by_path = {entry.path: entry for entry in tree.entries}
        return await self._repository.blobs([by_path[path] for path in paths])

    async def dates(self, tree: Tree, groups: Mapping[str, Sequence[str]]) -> Mapping[str, datetime]:
        """Committer dates; see `ports.ManifestSource.dates`. Raises `Refused` where a shallow clone hides one."""
        dates = await self._repository.dates(tree.revision, groups)
        return {key: dates.get(key, UNCOMMITTED_DATE) for key in groups}

    def changes(self) -> AbstractAsyncContextManager[Callable[[float], Awaitable[None]]]:
        """Only time wakes."""
        return only_time()
