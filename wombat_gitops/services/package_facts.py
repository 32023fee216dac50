"""What the builds of a catalogue tell of packages, beside what the table of known modules says."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from wombat_gitops.domain.contents import Presence
from wombat_gitops.domain.known import Fact, Known
from wombat_gitops.domain.model import Module
from wombat_gitops.domain.records import BuildState
from wombat_gitops.services.known_table import known_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.contents_index import ContentsIndex


class PackageFacts:
    """Facts of the builds that manifests ask for now, and of the table; made anew once the catalogue has changed."""

    def __init__(self, catalog: Catalog, contents: ContentsIndex) -> None:
        self._catalog = catalog
        self._contents = contents
        self._made: tuple[int, Known] | None = None

    def known(self) -> Known:
        """What is known now; contents that are still being read come with a later version of the catalogue."""
        version = self._catalog.version
        if self._made is None or self._made[0] != version:
            table, read = known_table()
            records = self._catalog.known_distributions().values()
            seen = (fact for record in records if not record.retired for fact in self._facts(record))
            self._made = (version, Known((*table, *_merged(seen)), read))
        return self._made[1]

    def _facts(self, record: DistributionRecord) -> Iterator[Fact]:
        """What the programs of a distribution have, but for those of another version of its manifest."""
        builds = self._catalog.known_builds()
        wanted = {str(target.platform): builds.get(target.build) for target in record.targets}
        versions = {module.path: module.version for module in record.modules}
        for platform, inside in self._contents.of(record.name):
            build = wanted.get(platform)
            if build is None or build.state is not BuildState.SUCCEEDED or build.lost:
                continue
            for each in inside.packages:
                if each.presence is Presence.PRESENT and each.module in versions:
                    yield Fact(
                        each.package,
                        Module(each.module, versions[each.module]),
                        frozenset({build.spec.platform}),
                        build.spec.tags,
                        build.spec.cgo,
                        each.components,
                        each.licenses,
                    )


def _merged(facts: Iterable[Fact]) -> Iterator[Fact]:
    """One fact of all that differ in the platform alone; what they register and bring in counts together."""
    groups: dict[tuple[str, Module, tuple[str, ...], bool], list[Fact]] = defaultdict(list)
    for fact in facts:
        groups[fact.package, fact.module, fact.tags, fact.cgo].append(fact)
    for same in groups.values():
        yield replace(
            same[0],
            platforms=frozenset(platform for fact in same for platform in fact.platforms or ()),
            components=tuple(sorted({component for fact in same for component in fact.components})),
            licenses=tuple(sorted({name for fact in same for name in fact.licenses})),
        )
