"""A source that holds nothing: what a repository's first manifests are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.adapters.git.waiting import only_time
from wombat_gitops.ports import Tree

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime


class EmptySource:
    """`ports.ManifestSource` without an entry."""

    id = "empty"
    url = ""
    ref = ""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    @property
    def folder(self) -> str:
        """The folder that holds nothing."""
        return self._folder

    async def revision(self) -> str:
        """No commit."""
        return ""

    async def tree(self, revision: str) -> Tree:
        """No entry."""
        return Tree(revision, ())

    async def read(self, tree: Tree, paths: Sequence[str]) -> Mapping[str, bytes]:  # noqa: ARG002
        """Nothing to read."""
        return {}

    async def dates(self, tree: Tree, groups: Mapping[str, Sequence[str]]) -> Mapping[str, datetime]:  # noqa: ARG002
        """Nothing has a date."""
        return {}

    def changes(self) -> AbstractAsyncContextManager[Callable[[float], Awaitable[None]]]:
        """Only time wakes."""
        return only_time()
