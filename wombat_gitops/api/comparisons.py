"""Comparisons of builds: made once a pair, as what a build is made of never changes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.comparison import Comparison, Side, compare
from wombat_gitops.domain.errors import NotFound

if TYPE_CHECKING:
    from wombat_gitops.api.context import Context
    from wombat_gitops.domain.contents import Contents
    from wombat_gitops.domain.records import BuildRecord

_MOST: Final = 256
"""Pairs that are remembered; a large one takes about 100 KB."""

_Key = tuple[str, str]


class Comparisons:
    """Holds builds against each other, and remembers what it found."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: OrderedDict[tuple[_Key, _Key], Comparison] = OrderedDict()

    async def of(self, *pairs: tuple[BuildRecord, BuildRecord]) -> list[Comparison]:
        """What differs in each of some pairs, the older build first; each build is read once.

        Raises:
            CorruptData, TimedOut, Unreachable: what is inside a build cannot be read.
        """
        read: dict[str, Contents | None] = {}
        return [await self._of(before, after, read) for before, after in pairs]

    async def _of(self, before: BuildRecord, after: BuildRecord, read: dict[str, Contents | None]) -> Comparison:
        key = (_key(before), _key(after))
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        one, two = [Side(build.spec, await self._inside(build, read)) for build in (before, after)]
        found = await asyncio.to_thread(compare, one, two)
        if found.known or not (before.contents and after.contents):
            self._known[key] = found
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return found

    async def _inside(self, build: BuildRecord, read: dict[str, Contents | None]) -> Contents | None:
        """What is inside a build; None where that was never recorded, or is gone with its artifact."""
        if build.id not in read:
            try:
                read[build.id] = await self._context.contents_of(build)
            except NotFound:
                read[build.id] = None
        return read[build.id]


def _key(build: BuildRecord) -> _Key:
    return (build.id, build.contents.sha256 if build.contents else "")
