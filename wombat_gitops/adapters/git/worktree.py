"""The work tree of a repository on this machine, uncommitted changes included; or a folder in no repository."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wombat_gitops.adapters.git.address import check_folder, source_id
from wombat_gitops.adapters.git.command import Git
from wombat_gitops.adapters.git.disk import Disk, Found
from wombat_gitops.adapters.git.local import find_checkout
from wombat_gitops.adapters.git.objects import Repository, check_readable, path_text
from wombat_gitops.adapters.git.waiting import watching
from wombat_gitops.domain.errors import NotFound, Unreachable, UnusableSource
from wombat_gitops.domain.model import UNCOMMITTED_DATE
from wombat_gitops.domain.sourceplace import SourceProblem
from wombat_gitops.ports import Tree, TreeEntry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The folder as it was at one moment, and the commit it was compared with ("" where there is none)."""

    tree: Tree
    head: str
    committed: Mapping[str, TreeEntry]
    found: Mapping[str, Found]


class WorkTreeSource:
    """`ports.ManifestSource` for files on disk.

    A revision is the commit that is checked out; where the folder's files differ from it,
    `+` and twelve hex digits of the files' digest follow, so that any two states are two revisions.

    Args:
        path: a folder in the work tree; *folder* is looked for below it.

    Raises:
        NotFound: *path* does not exist.
    """

    def __init__(self, path: Path, folder: str, *, seconds: float = 60.0) -> None:
        place = path.absolute()
        self._checkout = find_checkout(place)
        self._root = place if self._checkout is None else self._checkout.root
        wanted = check_folder(folder)
        self._folder = wanted if self._checkout is None else self._checkout.folder(place, wanted)
        self._disk = Disk(self._root, self._folder)
        self._git = Git(seconds=seconds)
        self._repository: Repository | None = None
        if self._checkout is not None:
            shallow = self._checkout.common_dir / "shallow"
            self._repository = Repository(self._git, self._checkout.git_dir, self._folder, shallow)
        self._head: tuple[str, Mapping[str, TreeEntry]] = ("", {})
        self._seen: _Snapshot | None = None

    @property
    def id(self) -> str:
        """Short stable id."""
        return source_id(self.url, self.ref, self._folder)

    @property
    def url(self) -> str:
        """The work tree's place as a URL."""
        return self._root.as_uri()

    @property
    def ref(self) -> str:
        """Empty: whatever is checked out is watched."""
        return ""

    @property
    def folder(self) -> str:
        """The folder in the repository."""
        return self._folder

    async def revision(self) -> str:
        """The commit that is checked out, and a digest of the files where they differ."""
        self._seen = await self._look()
        return self._seen.tree.revision

    async def tree(self, revision: str) -> Tree:
        """All files below the folder, ignored ones left out; only the present state can be had."""
        return (await self._at(revision)).tree

    async def read(self, tree: Tree, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of some entries of *tree*; raises `Unreachable` where they changed meanwhile."""
        snapshot = await self._at(tree.revision)
        by_path = {entry.path: entry for entry in tree.entries}
        for path in paths:
            check_readable(by_path[path])

        def read_all() -> dict[str, bytes]:
            return {path: self._disk.read(by_path[path], snapshot.found) for path in paths}

        return await asyncio.to_thread(read_all)

    async def dates(self, tree: Tree, groups: Mapping[str, Sequence[str]]) -> Mapping[str, datetime]:
        """Committer dates of groups that are committed as they are; `UNCOMMITTED_DATE` for the others.

        Raises:
            Refused: a shallow clone hides a date.
        """
        snapshot = await self._at(tree.revision)
        present = {entry.path: entry for entry in tree.entries}
        committed = {
            key: paths
            for key, paths in groups.items()
            if all(present.get(path) == snapshot.committed.get(path) for path in paths)
        }
        dates = dict[str, datetime]()
        if self._repository is not None and snapshot.head and committed:
            dates = await self._repository.dates(snapshot.head, committed)
        return {key: dates.get(key, UNCOMMITTED_DATE) for key in groups}

    def changes(self) -> AbstractAsyncContextManager[Callable[[float], Awaitable[None]]]:
        """A waiter that also wakes when a file is edited or another commit is checked out."""
        below = self._root / self._folder if self._folder else self._root
        if self._checkout is None:
            return watching(below, (), ())
        heads = (self._checkout.git_dir, self._checkout.common_dir)
        return watching(below, (self._checkout.common_dir / "refs",), tuple(dict.fromkeys(heads)))

    async def _at(self, revision: str) -> _Snapshot:
        if self._seen is None or self._seen.tree.revision != revision:
            await self.revision()
        if self._seen is None or self._seen.tree.revision != revision:
            msg = f"the work tree is not at revision `{revision[:12]}` any more"
            raise Unreachable(msg)
        return self._seen

    async def _look(self) -> _Snapshot:
        head, committed = await self._committed()
        found = await asyncio.to_thread(self._disk.scan)
        if self._repository is not None:
            listed = await self._listed()
            found = {path: file for path, file in found.items() if path in listed or path in committed}
        entries = await asyncio.to_thread(self._disk.entries, found, committed)
        same = head and entries == tuple(committed.values())
        revision = head if same else f"{head}+{_digest(entries)}"
        return _Snapshot(Tree(revision, entries), head, committed, found)

    async def _committed(self) -> tuple[str, Mapping[str, TreeEntry]]:
        """The commit that is checked out and its entries; "" before the first commit."""
        if self._repository is None:
            return "", {}
        try:
            head = await self._repository.resolve("HEAD")
        except NotFound:
            return "", {}
        if head != self._head[0]:
            self._head = head, {entry.path: entry for entry in await self._entries(self._repository, head)}
        return self._head

    async def _entries(self, repository: Repository, head: str) -> tuple[TreeEntry, ...]:
        """What is committed of the folder: nothing where it is new, or became one after the commit."""
        try:
            return await repository.entries(head)
        except UnusableSource as error:
            if error.reason == SourceProblem.FOLDER_IS_SUBMODULE:
                raise
            return ()

    async def _listed(self) -> frozenset[str]:
        """Paths that git knows, or would offer to add."""
        if self._repository is None or self._root == self._repository.git_dir:
            return frozenset()
        command = [f"--work-tree={self._root}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listing = await self._repository.run(
            [*command, "--", *([self._folder] if self._folder else [])], cwd=self._root
        )
        return frozenset(path_text(path) for path in listing.split(b"\0") if path)


def _digest(entries: Sequence[TreeEntry]) -> str:
    lines = (f"{entry.mode} {entry.oid} {entry.path}\0" for entry in entries)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:12]
