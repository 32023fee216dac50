"""Packages, and what is found by words, as the JSON of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from wombat_gitops.api.present.base import values
from wombat_gitops.api.present.links import ROOT
from wombat_gitops.api.views.packages import (
    PackageAbsence,
    PackageComponent,
    PackageDetail,
    PackageFacets,
    PackageSummary,
    PackageUse,
    SearchGroup,
    SearchHit,
)
from wombat_gitops.domain.contents import Presence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.domain.contents import Component
    from wombat_gitops.services.component_search import Found
    from wombat_gitops.services.package_index import Package, Use

_LONGEST: Final = 200
"""Characters of a hit's text."""

_PLACES: Final = {
    "distribution": ("distributions", "/"),
    "package": ("packages", "/packages"),
    "component": ("components", "/components"),
}


def summary(package: Package) -> PackageSummary:
    """A package in a list."""
    return PackageSummary(
        package=package.path,
        name=package.short,
        module=package.module,
        versions=list(package.versions),
        licenses=list(package.licenses),
        component_count=len(package.components),
        distributions=sorted(use.distribution for use in package.uses),
        url=f"{ROOT}{package_page(package.path)}",
        html_url=package_page(package.path),
    )


def detail(package: Package) -> PackageDetail:
    """Everything about a package."""
    return PackageDetail(
        **dict(summary(package)),
        components=list(map(_component, package.components)),
        uses=list(map(_use, package.uses)),
        builds_url=f"{ROOT}/builds?{urlencode({'package': package.path})}",
    )


def facets(given: Mapping[str, Iterable[tuple[str, int]]]) -> PackageFacets:
    """What each further filter would leave."""
    return PackageFacets(**{field: values(counts) for field, counts in given.items()})


def package_page(path: str) -> str:
    """The page of a package."""
    return f"/packages/{quote(path)}"


def group(kind: str, q: str, hits: Sequence[SearchHit], total: int) -> SearchGroup:
    """What was found of one sort."""
    place, page = _PLACES[kind]
    asked = urlencode({"q": q})
    return SearchGroup(
        kind=kind, items=list(hits), total=total, url=f"{ROOT}/{place}?{asked}", html_url=f"{page}?{asked}"
    )


def distribution_hit(record: DistributionRecord) -> SearchHit:
    """A distribution that was found."""
    url = f"/distributions/{quote(record.name)}"
    text = _line(record.description) or record.version
    return SearchHit(
        kind="distribution", name=record.name, text=text, url=f"{ROOT}{url}", html_url=f"/d/{quote(record.name)}"
    )


def package_hit(package: Package) -> SearchHit:
    """A package that was found."""
    page = package_page(package.path)
    return SearchHit(kind="package", name=package.short, text=package.path, url=f"{ROOT}{page}", html_url=page)


def component_hit(found: Found) -> SearchHit:
    """A component that was found."""
    entry = found.entry
    page = _component_page(entry.kind, entry.name)
    return SearchHit(kind=entry.kind, name=entry.name, text=_line(entry.summary), url=f"{ROOT}{page}", html_url=page)


def _use(use: Use) -> PackageUse:
    absent = [
        PackageAbsence(platform=platform, reason=package.reason or package.presence.value, hint=package.hint)
        for platform, package in use.found
        if package.presence is not Presence.PRESENT
    ]
    return PackageUse(
        distribution=use.distribution,
        distribution_version=use.distribution_version,
        version=use.version,
        platforms=list(use.platforms),
        absent=absent,
        url=f"{ROOT}/distributions/{quote(use.distribution)}",
        html_url=f"/d/{quote(use.distribution)}",
    )


def _component(component: Component) -> PackageComponent:
    page = _component_page(component.kind, component.name)
    return PackageComponent(kind=component.kind, name=component.name, url=f"{ROOT}{page}", html_url=page)


def _component_page(kind: str, name: str) -> str:
    return f"/components/{quote(kind, safe='')}/{quote(name, safe='')}"


def _line(text: str) -> str:
    """The beginning of *text* on one line."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1].rstrip()}…"
