"""What the programs of all distributions say of their components, read in the background and kept in memory.

When something fails halfway: a document that cannot be read is tried again later, and what is known of the
other distributions is told meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import structlog

from wombat_gitops.domain.model import natural_key
from wombat_gitops.domain.reference import Entry, Reference, unpack, unpack_schema
from wombat_gitops.services.component_search import Board
from wombat_gitops.services.documents import Documents
from wombat_gitops.services.pacing import first_of
from wombat_gitops.services.versions import is_good

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wombat_gitops.domain.errors import WombatError
    from wombat_gitops.domain.records import BuildRecord, StoredLog
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.downloads import Downloads

_WAIT_SECONDS: Final = 1.0
"""How long somebody who asks waits for documents that are just being read."""

_log = structlog.get_logger(__name__)


class ReferenceIndex:
    """Components of the newest good build of each distribution; whoever makes it runs it.

    Of documents that are equal one is kept, and of entries too.
    """

    def __init__(self, catalog: Catalog, downloads: Downloads) -> None:
        self._catalog = catalog
        self._downloads = downloads
        self._programs: dict[str, BuildRecord] = {}
        self._entries: dict[Entry, Entry] = {}
        self._documents = Documents(downloads, self._shared, _not_read)
        self._seen = -1
        self._caught_up = asyncio.Event()
        self.board = Board()

    @property
    def complete(self) -> bool:
        """Everything that is there has been read."""
        return self._seen >= 0 and all(each in self._documents.known for each in map(_sha256, self._programs.values()))

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the catalogue until *stop*."""
        await first_of(self._catalog.ready.wait(), stop)
        while not stop.is_set() and not self._catalog.stopped.is_set():
            version = self._catalog.version
            await first_of(self._refresh(), stop)
            self._seen = version
            self._caught_up.set()
            await first_of(self._documents.wait(self._catalog.wait_change(version)), stop)

    async def caught_up(self) -> Board:
        """The components as of now; after a short wait as of a moment ago."""
        version = self._catalog.version
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_WAIT_SECONDS):
                while self._seen < version:
                    self._caught_up.clear()
                    await self._caught_up.wait()
        return self.board

    async def read(self, build: BuildRecord) -> Reference | None:
        """What the program of any build says of itself; None where that is not recorded.

        Raises:
            CorruptData: it cannot be read.
            WombatError: as `Downloads.hold`.
        """
        data = await self._bytes(build)
        return None if data is None else await asyncio.to_thread(unpack, data)

    async def config_schema(self, build: BuildRecord) -> bytes:
        """The JSON Schema of the configuration of a build's program, or nothing. Raises as `read`."""
        data = await self._bytes(build)
        return b"" if data is None else await asyncio.to_thread(unpack_schema, data)

    async def _bytes(self, build: BuildRecord) -> bytes | None:
        if build.reference is None:
            return None
        return await self._downloads.read(build.reference.sha256, build.reference.size)

    async def _refresh(self) -> None:
        """Read the documents that are new, and tell of them as they come."""
        programs = _programs(self._catalog)
        wanted = {build.reference: build.id for build in programs.values() if build.reference is not None}
        if programs != self._programs:
            self._programs = programs
            self._forget(wanted)
            await self._tell()
        async for _ in self._documents.read(wanted):
            await self._tell()

    async def _tell(self) -> None:
        known = self._documents.known
        told = [(build, known[_sha256(build)]) for build in self._ordered() if _sha256(build) in known]
        self.board = await asyncio.to_thread(Board, told)

    def _forget(self, wanted: Mapping[StoredLog, str]) -> None:
        """Let go what no program says any more."""
        if self._documents.keep(wanted):
            self._entries = {entry: entry for entries in self._documents.known.values() for entry in entries}

    def _shared(self, data: bytes) -> tuple[Entry, ...]:
        """The entries of a document, as far as possible those that other documents have too."""
        return tuple(self._entries.setdefault(entry, entry) for entry in unpack(data).entries)

    def _ordered(self) -> list[BuildRecord]:
        """The builds, those with the newest Benthos first."""
        names = sorted(self._programs)
        known = self._catalog.known_distributions()
        names.sort(key=lambda name: natural_key(known[name].core if name in known else ""), reverse=True)
        return [self._programs[name] for name in names]


def _not_read(build: str, error: WombatError) -> None:
    _log.warning("reference_not_read", build=build, error=error.message)


def newest_told(catalog: Catalog, name: str) -> BuildRecord | None:
    """The newest good build of a distribution whose program was asked: one that its manifest asks for comes first.

    Programs of one version say the same on every platform, so any that was asked will do.
    """
    record = catalog.known_distributions().get(name)
    known = catalog.known_builds()
    wanted = [known.get(target.build) for target in record.targets] if record else []
    published = catalog.index.published(name).versions
    for builds in (wanted, [build for platforms in published.values() for build in platforms.values()]):
        told = [build for build in builds if build is not None and _is_told(catalog, build)]
        if told:
            return max(told, key=lambda build: (build.changed_at, build.id))
    return None


def _programs(catalog: Catalog) -> dict[str, BuildRecord]:
    found = {
        name: newest_told(catalog, name) for name, record in catalog.known_distributions().items() if not record.retired
    }
    return {name: build for name, build in found.items() if build is not None}


def _is_told(catalog: Catalog, build: BuildRecord) -> bool:
    return build.reference is not None and is_good(catalog, build)


def _sha256(build: BuildRecord) -> str:
    return build.reference.sha256 if build.reference is not None else ""
