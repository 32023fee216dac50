"""What the server says about a page before the browser runs it: status, title, description and what to load first."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlencode

from wombat_gitops.api.present import service
from wombat_gitops.api.present.links import ROOT, RULES_PATH, build_url, distribution_url, version_url
from wombat_gitops.api.problems import TYPES_PATH
from wombat_gitops.domain.errors import UserError
from wombat_gitops.domain.neighbours import did_you_mean
from wombat_gitops.domain.reference import KINDS
from wombat_gitops.domain.searching import nearest
from wombat_gitops.services.versions import LATEST, find_version, latest_version

if TYPE_CHECKING:
    from wombat_gitops.api.context import Context
    from wombat_gitops.domain.catalogue import DistributionRecord

SITE: Final = "Wombat"
_ABOUT: Final = "Distributions of Redpanda Benthos, declared in git and built from source"
FOUND, _MISSING, _MOVED = 200, 404, 307
_MACRO: Final = re.compile(r"(?:xref:|link:|https?://)[^\s\[]*\[([^\]]*)\]")
"""A link in AsciiDoc, and its words."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, as the server knows it; all texts are hostile until they are escaped.

    Attributes:
        title: "" for the first page.
        view: the component that shows it, `DistributionPage`; "" where only the frame of the site is loaded early.
        reads: addresses of the API that it asks first.
        status: 404 where what it is about does not exist.
        hint: similar names where it does not exist; names stand in backticks.
        location: where to go instead; "" for nowhere.
    """

    title: str = ""
    description: str = _ABOUT
    view: str = ""
    reads: tuple[str, ...] = ()
    status: int = FOUND
    hint: str = ""
    location: str = ""


_Answer = Callable[["Context", "re.Match[str]"], Awaitable[Page]]


async def page_of(context: Context, path: str) -> Page:
    """The page at *path*, which is as it came, with its percent signs, and without a slash at its beginning."""
    for pattern, plain in _PLAIN:
        if pattern == path:
            return plain
    if not context.catalog.ready.is_set():
        return Page()
    for expression, answer in _ROUTES:
        match = expression.fullmatch(path)
        if match is not None:
            try:
                return await answer(context, match)
            except UserError as error:
                return Page(_sentence(error.message), status=_MISSING, hint=error.hint)
    typed = unquote(path)
    known = [*_NAMES, *context.catalog.known_distributions()]
    hint = did_you_mean(nearest(typed, known) or nearest(typed.rpartition("/")[2], known))
    return Page("There is no such page", view="NotFoundPage", status=_MISSING, hint=hint)


async def _distribution(context: Context, match: re.Match[str]) -> Page:
    name = unquote(match["name"])
    record = context.catalog.distribution(name)
    url = distribution_url(name)
    return Page(
        title=name,
        description=_described(record),
        view="DistributionPage",
        reads=(url, f"{ROOT}/builds?{urlencode({'name': name, 'limit': 10})}", f"{url}/versions?limit=5"),
    )


async def _version(context: Context, match: re.Match[str]) -> Page:
    name, version = unquote(match["name"]), unquote(match["version"])
    catalog = context.catalog
    if version == LATEST:
        return Page(location=f"/d/{quote(name)}/v/{quote(latest_version(catalog, name).version)}", status=_MOVED)
    record = catalog.known_distributions().get(name)
    find_version(catalog, name, version)
    described = f"{_described(record)}. " if record is not None else ""
    return Page(
        title=f"{name} {version}",
        description=f"{described}Files, checksums and changes of version {version}.",
        view="VersionPage",
        reads=(version_url(name, version),),
    )


async def _short_version(context: Context, match: re.Match[str]) -> Page:
    """`/d/NAME/VERSION`, as people type it."""
    name, version = unquote(match["name"]), unquote(match["version"])
    chosen = (
        latest_version(context.catalog, name) if version == LATEST else find_version(context.catalog, name, version)[0]
    )
    return Page(location=f"/d/{quote(name)}/v/{quote(chosen.version)}", status=_MOVED)


async def _build(context: Context, match: re.Match[str]) -> Page:
    build = context.catalog.build(unquote(match["build"]))
    spec = build.spec
    return Page(
        title=f"{spec.name} {spec.version} for {spec.platform}",
        description=f"Build of {spec.name} {spec.version} for {spec.platform}: {build.state.value}",
        view="BuildPage",
        reads=(build_url(build.id),) if match["build"] == build.id else (),
    )


async def _builder(context: Context, match: re.Match[str]) -> Page:
    name = unquote(match["builder"])
    service.builder_detail(context.catalog, name)
    return Page(
        title=f"Builder {name}",
        description=f"State and recent builds of the builder {name}",
        view="BuilderPage",
        reads=(f"{ROOT}/builders/{quote(name, safe='')}",),
    )


async def _package(context: Context, match: re.Match[str]) -> Page:
    path = unquote(match["package"])
    package = context.packages.get(path)
    return Page(
        title=f"{package.short}, package",
        description=f"Go package {path}: versions, licences, components and the distributions that use it",
        view="PackagePage",
    )


async def _component(context: Context, match: re.Match[str]) -> Page:
    kind, name = unquote(match["kind"]), unquote(match["component"])
    if kind.endswith("s") and kind not in KINDS:  # as the documentation of Benthos spells it
        singular = kind.removesuffix("s").replace("_", "-")
        return Page(location=f"/components/{quote(singular)}/{quote(name, safe='')}", status=_MOVED)
    board = await context.references.caught_up()
    summary = " ".join(board.get(kind, name)[0].entry.summary.split())
    return Page(
        title=f"{name} ({kind.replace('-', ' ')})",
        description=_MACRO.sub(r"\1", summary) or f"The {kind} {name} of Redpanda Benthos",
        view="ComponentPage",
    )


def _described(record: DistributionRecord) -> str:
    if record.description:
        return " ".join(record.description.split())
    platforms = ", ".join(str(target.platform) for target in record.targets)
    return f"{record.name} {record.version}: Redpanda Benthos {record.core}{f' for {platforms}' if platforms else ''}"


def _sentence(message: str) -> str:
    """A message as a heading: without the marks of code."""
    words = message.replace("`", "")
    return f"{words[:1].upper()}{words[1:]}"


_PLAIN: Final[tuple[tuple[str, Page], ...]] = (
    ("", Page(view="CataloguePage", reads=(f"{ROOT}/distributions?limit=50",))),
    (
        "components",
        Page(
            "Components",
            "Inputs, outputs and processors you can use, documented by the binaries themselves.",
            view="ComponentsPage",
            reads=(f"{ROOT}/components?limit=50",),
        ),
    ),
    (
        "packages",
        Page(
            "Packages",
            "Go packages used by the distributions here.",
            view="PackagesPage",
            reads=(f"{ROOT}/packages?limit=50",),
        ),
    ),
    (
        "compose",
        Page(
            "Compose",
            "Choose packages and platforms, and propose the manifest of a new distribution.",
            view="ComposePage",
            reads=(f"{ROOT}/compose/choices",),
        ),
    ),
    ("compare", Page("Compare", "What differs between two versions or distributions.", view="ComparePage")),
    (
        "builds",
        Page(
            "Builds",
            "Builds of all distributions, newest first, and the queue.",
            view="BuildsPage",
            reads=(f"{ROOT}/builds?limit=50",),
        ),
    ),
    (
        "sources",
        Page(
            "Sources",
            "The git repositories that manifests are read from.",
            view="SourcesPage",
            reads=(f"{ROOT}/sources",),
        ),
    ),
    (
        "fleet",
        Page(
            "Fleet",
            "Builders, what they build now, and the queue.",
            view="FleetPage",
            reads=(f"{ROOT}/builders", f"{ROOT}/builds?state=queued&limit=200"),
        ),
    ),
    ("status", Page("Fleet")),
)
_NAMES: Final = (*(path for path, _ in _PLAIN if path), RULES_PATH.strip("/"), TYPES_PATH.strip("/"), "docs/api")
_ROUTES: Final[tuple[tuple[re.Pattern[str], _Answer], ...]] = (
    (re.compile("d/(?P<name>[^/]+)"), _distribution),
    (re.compile("d/(?P<name>[^/]+)/v/(?P<version>[^/]+)"), _version),
    (re.compile("d/(?P<name>[^/]+)/(?P<version>[^/]+)"), _short_version),
    (re.compile("builds/(?P<build>[^/]+)"), _build),
    (re.compile("fleet/(?P<builder>[^/]+)"), _builder),
    (re.compile("packages/(?P<package>.+)"), _package),
    (re.compile("components/(?P<kind>[^/]+)/(?P<component>[^/]+)"), _component),
)
