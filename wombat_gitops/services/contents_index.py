"""What the newest programs of all distributions are made of, read in the background and kept in memory.

When something fails halfway: a document that cannot be read is tried again later, and what is known of the others is
told meanwhile.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from wombat_gitops.domain.contents import Contents, PackageContents
from wombat_gitops.domain.messages import decode
from wombat_gitops.services.distribution_index import Learned
from wombat_gitops.services.documents import Documents
from wombat_gitops.services.pacing import first_of
from wombat_gitops.services.versions import is_good

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.domain.errors import WombatError
    from wombat_gitops.domain.records import BuildRecord, StoredLog
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.downloads import Downloads

_log = structlog.get_logger(__name__)

_GAP: Final = 0.25
"""Seconds between two looks at what there is: many builds may move on at once."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What of one program's contents is kept. Equal packages of all programs are one object.

    Attributes:
        licenses: of all that is compiled in.
    """

    packages: tuple[PackageContents, ...]
    licenses: frozenset[str]


class ContentsIndex:
    """Contents of the newest good build of each platform of each distribution; whoever makes it runs it."""

    def __init__(self, catalog: Catalog, downloads: Downloads) -> None:
        self._catalog = catalog
        self._wanted: dict[str, tuple[BuildRecord, ...]] = {}
        self._told: dict[str, tuple[tuple[str, Inside], ...]] = {}
        self._shared: dict[PackageContents, PackageContents] = {}
        self._documents = Documents(downloads, self._kept, _not_read)

    def of(self, name: str) -> tuple[tuple[str, Inside], ...]:
        """What is known of a distribution, by platform."""
        return self._told.get(name, ())

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the catalogue until *stop*; the catalogue is told what becomes known."""
        await first_of(self._catalog.ready.wait(), stop)
        while not stop.is_set() and not self._catalog.stopped.is_set():
            version = self._catalog.version
            await first_of(self._refresh(), stop)
            await first_of(self._documents.wait(self._catalog.wait_change(version)), stop)
            await first_of(asyncio.sleep(_GAP), stop)

    async def _refresh(self) -> None:
        known = self._catalog.known_distributions()
        self._wanted = {name: _programs(self._catalog, record) for name, record in known.items() if not record.retired}
        documents = {
            build.contents: build.id
            for builds in self._wanted.values()
            for build in builds
            if build.contents is not None
        }
        self._forget(documents)
        self._tell()
        async for _ in self._documents.read(documents):
            self._tell()

    def _tell(self) -> None:
        """Tell the catalogue, where anything is known now that was not."""
        found = {name: self._found(builds) for name, builds in self._wanted.items()}
        told = {name: insides for name, insides in found.items() if insides}
        if told != self._told:
            self._told = told
            self._catalog.learn({name: _learned(inside for _, inside in insides) for name, insides in found.items()})

    def _found(self, builds: Iterable[BuildRecord]) -> tuple[tuple[str, Inside], ...]:
        known = ((str(build.spec.platform), self._documents.known.get(_sha256(build))) for build in builds)
        return tuple((platform, inside) for platform, inside in known if inside is not None)

    def _forget(self, wanted: Mapping[StoredLog, str]) -> None:
        """Let go what no program is made of any more."""
        if self._documents.keep(wanted):
            known = self._documents.known.values()
            self._shared = {package: package for inside in known for package in inside.packages}

    def _kept(self, data: bytes) -> Inside:
        contents = decode(Contents, data)
        packages = tuple(self._shared.setdefault(package, package) for package in contents.packages)
        return Inside(packages, frozenset(contents.licenses))


def _not_read(build: str, error: WombatError) -> None:
    _log.warning("contents_not_read", build=build, error=error.message)


def _programs(catalog: Catalog, record: DistributionRecord) -> tuple[BuildRecord, ...]:
    """The build of each platform that can be downloaded and whose contents are recorded."""
    known = catalog.known_builds()
    found = []
    for target in record.targets:
        build = known.get(target.build)
        if build is None or not is_good(catalog, build):
            build = catalog.last_good(record.name, str(target.platform))
        if build is not None and build.contents is not None:
            found.append(build)
    return tuple(found)


def _learned(insides: Iterable[Inside]) -> Learned:
    licenses, components = set[str](), set[str]()
    for inside in insides:
        licenses |= inside.licenses
        components.update(component.name for package in inside.packages for component in package.components)
    return Learned(frozenset(licenses), frozenset(components))


def _sha256(build: BuildRecord) -> str:
    return build.contents.sha256 if build.contents is not None else ""
