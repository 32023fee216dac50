"""Routes about versions: list, one, what differs between two, and addresses of the latest files that never change."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from wombat_gitops.api.answers import answer, get, tagged
from wombat_gitops.api.catalogue import Limit, PlatformText, next_page
from wombat_gitops.api.comparisons import Comparisons
from wombat_gitops.api.context import Context  # noqa: TC001 - read by FastAPI
from wombat_gitops.api.files import CHECKSUM, checksum_line
from wombat_gitops.api.present import versions
from wombat_gitops.api.present.links import checksums_url, download_url, version_url
from wombat_gitops.api.views.versions import ChangelogPage, ComparisonView, VersionDetail, VersionPage
from wombat_gitops.domain.errors import NotFound, Refused
from wombat_gitops.services.versions import (
    LATEST,
    all_versions,
    find_version,
    latest_build,
    latest_version,
    may_be_downloaded,
    standing_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.catalog_types import Version

_SIDE: Final = "^[^@]{1,100}@[^@]{1,200}$"
_ELSEWHERE: Final[dict[int | str, dict[str, Any]]] = {
    307: {
        "description": "The latest version or file; never cached",
        "headers": {"Location": {"schema": {"type": "string"}}},
    }
}
_TEXT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
    **_ELSEWHERE,
}


VersionCursor = Annotated[
    str,
    Field(
        max_length=200,
        description="from the `next` of the page before",
        json_schema_extra={"format": "version-cursor"},
    ),
]


class VersionFilter(BaseModel):
    """Query parameters of the list of versions."""

    model_config = ConfigDict(extra="forbid")

    cursor: VersionCursor = ""
    limit: Limit = 50


class ChangelogFilter(BaseModel):
    """Query parameters of the changelog."""

    model_config = ConfigDict(extra="forbid")

    cursor: VersionCursor = ""
    limit: int = Field(10, ge=1, le=50, description="entries on a page")


class Pair(BaseModel):
    """Query parameters of a comparison."""

    model_config = ConfigDict(extra="forbid")

    before: str = Field(alias="from", pattern=_SIDE, description="`name@version`, or `name@latest`")
    after: str = Field(alias="to", pattern=_SIDE, description="as `from`")
    platform: PlatformText | None = Field(None, description="by default the first that both are built for")


def version_routes(context: Context) -> APIRouter:
    """Versions of a distribution, and what differs between two."""
    router = APIRouter(tags=["distributions"])
    comparisons = Comparisons(context)

    @get(router, "/distributions/{name}/versions", response_model=VersionPage)
    async def list_versions(request: Request, name: str, filters: Annotated[VersionFilter, Query()]) -> Response:
        """Versions that have artifacts, and the current one, newest first."""
        catalog = context.ready()
        known = all_versions(catalog, name)
        shown, cursor = _page(known, filters.cursor, filters.limit)
        following = next_page(request, filters, cursor)
        standing = standing_of(catalog, name)
        items = [versions.detail(catalog, standing, name, each, older) for each, older in shown]
        view = VersionPage(items=items, next=following, total=len(known))
        return answer(request, view, next_page=following, kept=True)

    @get(router, "/distributions/{name}/changelog", response_model=ChangelogPage)
    async def get_changelog(request: Request, name: str, filters: Annotated[ChangelogFilter, Query()]) -> Response:
        """What changed in each version since the one before it, newest first."""
        catalog = context.ready()
        known = all_versions(catalog, name)
        shown, cursor = _page(known, filters.cursor, filters.limit)
        following = next_page(request, filters, cursor)
        pairs = [
            (older, each, platform)
            for each, older in shown
            if older is not None and (platform := _first_shared(older, each))
        ]
        found = await comparisons.of(*((old.builds[place], new.builds[place]) for old, new, place in pairs))
        told = {
            new.version: versions.comparison((name, name), (old, new), place, what)
            for (old, new, place), what in zip(pairs, found, strict=True)
        }
        items = [versions.entry(catalog, name, each, told.get(each.version)) for each, _ in shown]
        return answer(request, ChangelogPage(items=items, next=following, total=len(known)), next_page=following)

    @get(router, "/distributions/{name}/versions/{version}", response_model=VersionDetail, responses=_ELSEWHERE)
    async def get_version(request: Request, name: str, version: str) -> Response:
        """One version; `latest` leads to the current one where it can be downloaded, else to the newest that can."""
        catalog = context.ready()
        if version == LATEST:
            return _elsewhere(version_url(name, latest_version(catalog, name).version))
        chosen, previous = find_version(catalog, name, version)
        view = versions.detail(catalog, standing_of(catalog, name), name, chosen, previous)
        return answer(request, view, kept=True)

    @get(router, "/compare", response_model=ComparisonView)
    async def get_comparison(request: Request, pair: Annotated[Pair, Query()]) -> Response:
        """What differs between two versions, of one distribution or of two."""
        catalog = context.ready()
        name, before = _named(catalog, pair.before)
        other, after = _named(catalog, pair.after)
        platform = _shared(before, after, str(pair.platform) if pair.platform else "")
        (found,) = await comparisons.of((before.builds[platform], after.builds[platform]))
        return answer(request, versions.comparison((name, other), (before, after), platform, found))

    return router


def latest_routes(context: Context) -> APIRouter:
    """Below `/dl`: addresses of the latest files, and the checksums of a version."""
    router = APIRouter(prefix="/dl", tags=["downloads"])

    @get(router, "/{name}/{version}/SHA256SUMS", response_class=PlainTextResponse, responses=_TEXT)
    async def checksums(request: Request, name: str, version: str) -> Response:
        """A line for `sha256sum -c` of each file of a version that may be downloaded."""
        catalog = context.ready()
        if version == LATEST:
            return _elsewhere(checksums_url(name, latest_version(catalog, name).version))
        builds = find_version(catalog, name, version)[0].builds.values()
        made = [build.artifact for build in builds if build.artifact and may_be_downloaded(catalog, build)]
        if not made:
            for build in builds:
                catalog.check_withdrawn(build)
            msg = f"version `{version}` of `{name}` has no artifact yet"
            raise NotFound(msg)
        made.sort(key=lambda artifact: (artifact.file_name, artifact.sha256))
        return tagged(request, PlainTextResponse("".join(map(checksum_line, made))))

    @get(router, "/{name}/latest/{os}/{arch}", status_code=307, response_class=RedirectResponse, responses=_ELSEWHERE)
    async def latest(name: str, os: str, arch: str) -> Response:
        """Redirects to the latest file for a platform; with `.sha256` behind it, to its checksum."""
        return _file(context.ready(), name, f"{os}/{arch}")

    @get(
        router,
        "/{name}/latest/{os}/{arch}/{variant}",
        status_code=307,
        response_class=RedirectResponse,
        responses=_ELSEWHERE,
    )
    async def latest_of_variant(name: str, os: str, arch: str, variant: str) -> Response:
        """As above, for a platform with a variant, `linux/arm/7`."""
        return _file(context.ready(), name, f"{os}/{arch}/{variant}")

    return router


def _file(catalog: Catalog, name: str, platform: str) -> Response:
    spec = latest_build(catalog, name, platform.removesuffix(CHECKSUM)).spec
    suffix = CHECKSUM if platform.endswith(CHECKSUM) else ""
    return _elsewhere(download_url(spec.name, spec.version, spec.file_name) + suffix)


def _elsewhere(location: str) -> Response:
    return Response(status_code=307, headers={"Location": location, "Cache-Control": "no-store"})


def _named(catalog: Catalog, text: str) -> tuple[str, Version]:
    name, _, version = text.partition("@")
    found = latest_version(catalog, name) if version == LATEST else find_version(catalog, name, version)[0]
    return name, found


def _first_shared(before: Version, after: Version) -> str:
    """The first platform that both are built for, if need be without knowing what is inside; "" where there is none."""
    both = sorted(before.builds.keys() & after.builds.keys())
    known = [each for each in both if before.builds[each].contents and after.builds[each].contents]
    return next(iter((*known, *both)), "")


def _page(known: Sequence[Version], cursor: str, limit: int) -> tuple[list[tuple[Version, Version | None]], str]:
    """Versions behind *cursor*, each with the one before it, and the cursor of the next page or ""."""
    names = [each.version for each in known]
    if cursor and cursor not in names:
        msg = "`cursor` is not one that this list gave"
        raise Refused(msg, hint="begin at the first page: the version that it names may be gone")
    start = names.index(cursor) + 1 if cursor else 0
    end = start + limit
    both = list(zip_longest(known, known[1:]))
    return both[start:end], names[end - 1] if end < len(known) else ""


def _shared(before: Version, after: Version, wanted: str) -> str:
    """The platform to compare on. Raises `NotFound` where not both are built for it."""
    both = sorted(before.builds.keys() & after.builds.keys())
    chosen = wanted if wanted in both else "" if wanted else _first_shared(before, after)
    if chosen:
        return chosen
    msg = f"not both versions are built for `{wanted}`" if wanted else "there is no platform that both are built for"
    raise NotFound(msg, hint=f"both are built for {', '.join(f'`{each}`' for each in both)}" if both else "")
