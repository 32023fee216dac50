"""A branch and folder of a repository on another host, read through a bare mirror."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from wombat_gitops.adapters.git.address import (
    PROTOCOLS,
    Address,
    check_branch,
    check_folder,
    redact,
    source_id,
)
from wombat_gitops.adapters.git.command import Git, remote_failure
from wombat_gitops.adapters.git.mirror import LARGEST, Mirror
from wombat_gitops.adapters.git.objects import Repository, is_commit
from wombat_gitops.adapters.git.waiting import only_time
from wombat_gitops.domain.errors import CorruptData, HistoryCut, NotFound, Unreachable, WombatError
from wombat_gitops.domain.model import UNCOMMITTED_DATE
from wombat_gitops.domain.sourceplace import unusable_ref
from wombat_gitops.ports import Tree

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from wombat_gitops.ports import TreeEntry

T = TypeVar("T")

_MOST_BRANCHES: Final = 5_000
"""Branches that are compared with a name that is none of them."""


class RemoteSource:
    """`ports.ManifestSource` for a URL.

    Args:
        url: https, ssh or file; may hold credentials, which are shown nowhere.
        mirror: where the bare mirror is kept; it is made, and made again whenever it is broken.
        protocols: transports that may be used.
        seconds: deadline of each git command.
        largest: bytes that the mirror may have.

    Raises:
        Refused: the URL, branch or folder may not be given to git.
    """

    def __init__(
        self,
        url: str,
        ref: str,
        folder: str,
        mirror: Path,
        *,
        protocols: Collection[str] = PROTOCOLS,
        seconds: float = 60.0,
        largest: int = LARGEST,
    ) -> None:
        self._address = Address.parse(url, protocols)
        self._branch = check_branch(ref)
        self._folder = check_folder(folder)
        self._git = Git(frozenset(protocols), seconds)
        self._mirror = Mirror(self._git, mirror.absolute(), self._address, self._branch, largest)
        self._repository = Repository(self._git, self._mirror.path, self._folder, self._mirror.path / "shallow")
        self._obtained = ""

    @property
    def id(self) -> str:
        """Short stable id."""
        return source_id(self.url, self.ref, self._folder)

    @property
    def url(self) -> str:
        """The URL without credentials."""
        return redact(self._address.url)

    @property
    def ref(self) -> str:
        """The branch's short name."""
        return self._branch.removeprefix("refs/heads/")

    @property
    def folder(self) -> str:
        """The folder in the repository."""
        return self._folder

    async def revision(self) -> str:
        """The commit at the tip of the branch, asked without fetching anything."""
        command = ["ls-remote", "--exit-code", "--", self._address.url, self._branch]
        self._mirror.prepare()
        captured = await self._git.run(command, cwd=self._mirror.path.parent, address=self._address)
        for line in captured.stdout.decode(errors="replace").splitlines():
            commit, _, name = line.partition("\t")
            if name == self._branch and is_commit(commit):
                return commit
        if captured.status in {0, 2}:
            raise await self._no_branch()
        failure = remote_failure(captured, self._address)
        if isinstance(failure, CorruptData):
            raise Unreachable(failure.message) from failure
        raise failure

    async def _no_branch(self) -> WombatError:
        """Why there is no such branch: what else is called so, or which ones there are."""
        command = ["ls-remote", "--symref", "--", self._address.url, "HEAD", "refs/heads/*", "refs/tags/*"]
        captured = await self._git.run(command, cwd=self._mirror.path.parent, address=self._address)
        if captured.status != 0:
            return remote_failure(captured, self._address)
        branches, tags, default = list[str](), set[str](), ""
        for line in captured.stdout.decode(errors="replace").splitlines():
            target, _, name = line.partition("\t")
            if name == "HEAD" and target.startswith("ref: refs/heads/"):
                default = target.removeprefix("ref: refs/heads/")
            elif name.startswith("refs/heads/") and len(branches) < _MOST_BRANCHES:
                branches.append(name.removeprefix("refs/heads/"))
            elif name.startswith("refs/tags/"):
                tags.add(name.removeprefix("refs/tags/").removesuffix("^{}"))
        return unusable_ref(self.url, self.ref, branches, sorted(tags), default if default in branches else "")

    async def tree(self, revision: str) -> Tree:
        """All files below the folder; fetches only where the commit is not here yet."""
        await self._obtain(revision)
        return Tree(revision, await self._healing(lambda: self._look(revision)))

    async def _look(self, revision: str) -> tuple[TreeEntry, ...]:
        """The entries; the history behind their dates is read at the same time."""
        history = asyncio.ensure_future(self._repository.look_back(revision))
        try:
            entries = await self._repository.entries(revision)
            await history
        finally:
            history.cancel()
            await asyncio.gather(history, return_exceptions=True)
        return entries

    async def commit(self, revision: str) -> bytes:
        """A commit object as it is; fetches only where it is not here yet. Raises as `tree` does."""
        await self._obtain(revision)
        return await self._healing(lambda: self._repository.run(["cat-file", "commit", revision]))

    async def _obtain(self, revision: str) -> None:
        if not is_commit(revision):
            msg = f"`{revision}` is not the id of a commit"
            raise NotFound(msg)
        if revision == self._obtained and (self._mirror.path / "HEAD").is_file():
            return
        # once something was obtained, another commit is a new one: that it is missing need not be asked
        new = bool(self._obtained) or not (self._mirror.path / "HEAD").is_file()
        if new or not await self._repository.has(revision):
            await self._mirror.fetch(wide=_is_wide(revision))
            if not await self._repository.has(revision):
                msg = f"`{self.url}` has no commit `{revision[:12]}` in `{self.ref}` any more"
                raise Unreachable(msg)
        self._obtained = revision

    async def read(self, tree: Tree, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of some entries of *tree*."""
        by_path = {entry.path: entry for entry in tree.entries}
        entries = [by_path[path] for path in paths]
        return await self._healing(lambda: self._repository.blobs(entries))

    async def dates(self, tree: Tree, groups: Mapping[str, Sequence[str]]) -> Mapping[str, datetime]:
        """Committer dates; see `ports.ManifestSource.dates`."""
        try:
            dates = await self._healing(lambda: self._repository.dates(tree.revision, groups))
        except HistoryCut:  # the host itself was shallow, and may not be any more
            await self._mirror.fetch(afresh=True, wide=_is_wide(tree.revision))
            self._repository.forget()
            dates = await self._repository.dates(tree.revision, groups)
        return {key: dates.get(key, UNCOMMITTED_DATE) for key in groups}

    def changes(self) -> AbstractAsyncContextManager[Callable[[float], Awaitable[None]]]:
        """A host tells nobody what changed: only time wakes."""
        return only_time()

    async def _healing(self, read: Callable[[], Awaitable[T]]) -> T:
        """Read; where the mirror turns out to be broken, make it again and read once more."""
        try:
            return await read()
        except CorruptData:
            await self._mirror.fetch(afresh=True, wide=_is_wide(self._obtained))
            return await read()


def _is_wide(commit: str) -> bool:
    """Whether the repository of a commit names its objects by SHA-256."""
    return len(commit) == 64  # noqa: PLR2004 - hex digits of SHA-256
