"""The packages of all distributions: in which versions, under which licences, with which components, and who has them.

What is declared is known at once; what a package registers comes from the contents of what was built.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.contents import Component, PackageContents, Presence
from wombat_gitops.domain.cursors import make_cursor, read_cursor
from wombat_gitops.domain.errors import NotFound
from wombat_gitops.domain.model import natural_key
from wombat_gitops.domain.neighbours import did_you_mean
from wombat_gitops.domain.searching import fold, nearest, text_of
from wombat_gitops.services.postings import Postings
from wombat_gitops.services.word_index import WordIndex

if TYPE_CHECKING:
    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.domain.model import Module
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.contents_index import ContentsIndex, Inside

FACETS: Final = ("license", "module")
_FOLDER: Final = "/public/components/"


@dataclass(frozen=True, slots=True)
class Use:
    """A package in one distribution.

    Attributes:
        module: path of the module it is in, or "" where the manifest names none that has it.
        version: of that module.
        found: what is known of it on each platform that was built.
    """

    distribution: str
    distribution_version: str
    module: str
    version: str
    found: tuple[tuple[str, PackageContents], ...]

    @property
    def platforms(self) -> tuple[str, ...]:
        """Where it is of use."""
        return tuple(platform for platform, package in self.found if package.presence is Presence.PRESENT)


class Package:
    """A package with all its uses, those of the newest version first."""

    def __init__(self, path: str, uses: tuple[Use, ...]) -> None:
        self.path = path
        self.uses = uses

    @cached_property
    def module(self) -> str:
        """Path of its module, as the newest use has it."""
        return next((use.module for use in self.uses if use.module), "")

    @cached_property
    def versions(self) -> tuple[str, ...]:
        """Of its module, newest first."""
        return tuple(dict.fromkeys(use.version for use in self.uses if use.version))

    @cached_property
    def licenses(self) -> tuple[str, ...]:
        """SPDX identifiers, sorted."""
        return tuple(sorted({name for use in self.uses for _, package in use.found for name in package.licenses}))

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """What it registers in some version on some platform, sorted."""
        return tuple(sorted({each for use in self.uses for _, package in use.found for each in package.components}))

    @property
    def short(self) -> str:
        """As manifests may name it: what is below `public/components/`, else the whole path."""
        return self.path.partition(_FOLDER)[2] or self.path


@dataclass(frozen=True, slots=True)
class PackageQuery:
    """Which packages to list; every filter that is set must hold. By how well they fit, else by path.

    Attributes:
        q: words that must all occur in path, module, licences or components.
        distribution: one that has it.
        cursor: the `next` of the page before.
    """

    q: str = ""
    module: str = ""
    license: str = ""
    distribution: str = ""
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class PackagePage:
    """One page of packages; `next` is "" on the last one, `facets` as of `DistributionPage`."""

    items: tuple[Package, ...]
    next: str
    total: int
    facets: Mapping[str, tuple[tuple[str, int], ...]]


class PackageIndex:
    """Packages by path; brought up to date when it is asked after the catalogue has changed."""

    def __init__(self, catalog: Catalog, contents: ContentsIndex) -> None:
        self._catalog = catalog
        self._contents = contents
        self._version = -1
        self._seen: dict[str, tuple[DistributionRecord, tuple[tuple[str, Inside], ...]]] = {}
        self._uses: defaultdict[str, dict[str, Use]] = defaultdict(dict)
        self._packages: dict[str, Package] = {}
        self._words = WordIndex()
        self._postings = Postings()

    def get(self, path: str) -> Package:
        """A package by its import path. Raises `NotFound`, with the paths that are near in the hint."""
        self._follow()
        package = self._packages.get(path)
        if package is None:
            msg = f"no distribution has the package `{path[:128]}`"
            raise NotFound(msg, hint=did_you_mean(self.near(path)))
        return package

    @property
    def names(self) -> frozenset[str]:
        """What packages are called, each by the last part of its path."""
        self._follow()
        return frozenset(path.rsplit("/", 1)[-1] for path in self._packages)

    def near(self, typed: str) -> tuple[str, ...]:
        """Paths of packages that were probably meant by a path or by its last part."""
        self._follow()
        if "/" in typed:
            return nearest(typed, self._packages)
        ends = {path.rsplit("/", 1)[-1]: path for path in sorted(self._packages, reverse=True)}
        return tuple(ends[end] for end in nearest(typed, ends))

    def found(self, q: str) -> list[Package]:
        """Packages that fit *q*, the best first."""
        self._follow()
        return [
            self._packages[path]
            for _, path in sorted((rank, path) for path, rank in self._words.ranks(fold(q)).items())
        ]

    def page(self, query: PackageQuery) -> PackagePage:
        """Packages that match. Raises `Refused` for a cursor that is not one of ours."""
        self._follow()
        ranks = self._words.ranks(fold(query.q)) if query.q.strip() else None
        exact = (("module", query.module), ("license", query.license), ("distribution", query.distribution))
        filters = {field: self._postings.having(field, value) for field, value in exact if value}
        if ranks is not None:
            filters["q"] = self._postings.only(ranks)
        bits = self._postings.all_of(filters)
        places = (
            ((float(ranks[path]) if ranks is not None else 0.0), path)
            for path in (self._packages if ranks is None else ranks)
            if self._postings.has(bits, path)
        )
        after = read_cursor(query.cursor) if query.cursor else None
        rest = [place for place in sorted(places) if after is None or place > after]
        shown = rest[: query.limit]
        return PackagePage(
            items=tuple(self._packages[path] for _, path in shown),
            next=make_cursor(shown[-1]) if len(rest) > len(shown) else "",
            total=bits.bit_count(),
            facets=self._postings.facets(FACETS, filters, self._postings.all),
        )

    def _follow(self) -> None:
        """Take what is new in the catalogue: only what moved is looked at again."""
        version = self._catalog.version
        if version == self._version:
            return
        known = self._catalog.known_distributions()
        moved = set[str]()
        for name in self._seen.keys() - known.keys():
            moved |= self._drop(name)
        for name, record in known.items():
            insides = self._contents.of(name)
            seen = self._seen.get(name)
            if seen is not None and seen[0] is record and seen[1] == insides:
                continue
            moved |= self._drop(name)
            self._seen[name] = (record, insides)
            if not record.retired:
                moved |= self._take(record, insides)
        for path in moved:
            self._move(path)
        self._version = version

    def _drop(self, name: str) -> set[str]:
        """Forget the uses of a distribution; the packages that this changes."""
        seen = self._seen.pop(name, None)
        if seen is None:
            return set()
        for path in seen[0].packages:
            self._uses[path].pop(name, None)
        return set(seen[0].packages)

    def _take(self, record: DistributionRecord, insides: tuple[tuple[str, Inside], ...]) -> set[str]:
        found: defaultdict[str, list[tuple[str, PackageContents]]] = defaultdict(list)
        for platform, inside in insides:
            for package in inside.packages:
                found[package.package].append((platform, package))
        for path in record.packages:
            module = _module_of(path, record.modules)
            self._uses[path][record.name] = Use(
                distribution=record.name,
                distribution_version=record.version,
                module=module.path if module else "",
                version=module.version if module else "",
                found=tuple(found.get(path, ())),
            )
        return set(record.packages)

    def _move(self, path: str) -> None:
        uses = self._uses[path]
        if not uses:
            del self._uses[path]
            self._packages.pop(path, None)
            self._words.remove(path)
            self._postings.remove(path)
            return
        ordered = sorted(uses.values(), key=lambda use: use.distribution)
        ordered.sort(key=lambda use: natural_key(use.version), reverse=True)
        package = self._packages[path] = Package(path, tuple(ordered))
        names = (component.name for component in package.components)
        self._words.put(path, text_of(package.short, path, *names, *package.licenses))
        self._postings.put(
            path,
            {
                "module": frozenset({use.module for use in uses.values()} - {""}),
                "license": frozenset(package.licenses),
                "distribution": frozenset(uses),
            },
        )


def _module_of(path: str, modules: tuple[Module, ...]) -> Module | None:
    """The module that a package is in: the one with the longest path above it."""
    above = [module for module in modules if path == module.path or path.startswith(f"{module.path}/")]
    return max(above, key=lambda module: len(module.path), default=None)
