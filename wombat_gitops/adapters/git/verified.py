"""A source of which only signed commits are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.adapters.git.signatures import verify_commit
from wombat_gitops.domain.errors import Unverified

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from wombat_gitops.adapters.git.remote import RemoteSource
    from wombat_gitops.adapters.git.signatures import Verifier
    from wombat_gitops.ports import Tree


class VerifiedSource:
    """`ports.ManifestSource` for a branch whose newest commit must be signed by a trusted key.

    Only the commit at the tip is checked: whoever signs it answers for the whole tree it names. An
    older commit that is signed may therefore become the tip again. The verdict is kept until the tip
    or the files with the keys change.
    """

    def __init__(self, source: RemoteSource, verifier: Verifier) -> None:
        self._source = source
        self._verifier = verifier
        self._known: tuple[str, str] = ("", "")
        self._verdict: str | Unverified = ""
        self.id, self.url, self.ref, self.folder = source.id, source.url, source.ref, source.folder

    @property
    def signer(self) -> str:
        """Who signed the newest commit, or "" where it is not verified."""
        return self._verdict if isinstance(self._verdict, str) else ""

    async def revision(self) -> str:
        """The commit at the tip of the branch.

        Raises:
            Unverified: it is not signed by a trusted key.
        """
        tip = await self._source.revision()
        key = (tip, self._verifier.fingerprint())
        if key != self._known or not key[1]:
            try:
                self._verdict = await verify_commit(tip, await self._source.commit(tip), self._verifier)
            except Unverified as error:
                self._verdict = error
            self._known = key
        if isinstance(self._verdict, Unverified):
            bad = self._verdict
            raise Unverified(bad.message, reason=bad.reason, revision=bad.revision, hint=bad.hint)
        return tip

    async def tree(self, revision: str) -> Tree:
        """All files below the folder; only of the commit that was verified.

        Raises:
            Unverified: *revision* is another one.
        """
        if revision != self._known[0] or not self.signer:
            msg = f"commit `{revision[:12]}` was not verified"
            raise Unverified(msg, reason="NotSigned", revision=revision)
        return await self._source.tree(revision)

    async def read(self, tree: Tree, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of some entries of *tree*."""
        return await self._source.read(tree, paths)

    async def dates(self, tree: Tree, groups: Mapping[str, Sequence[str]]) -> Mapping[str, datetime]:
        """Committer dates; see `ports.ManifestSource.dates`."""
        return await self._source.dates(tree, groups)

    def changes(self) -> AbstractAsyncContextManager[Callable[[float], Awaitable[None]]]:
        """As the source itself."""
        return self._source.changes()
