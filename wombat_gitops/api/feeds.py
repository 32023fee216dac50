"""Atom feeds (RFC 4287) of new versions and, where wanted, of builds that failed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from wombat_gitops.api.addresses import base_of
from wombat_gitops.api.answers import get, tagged
from wombat_gitops.api.files import http_date
from wombat_gitops.api.present.links import digest_url
from wombat_gitops.domain.messages import BuildQuery
from wombat_gitops.domain.records import BuildRecord, BuildState
from wombat_gitops.domain.visible import visible, visible_line
from wombat_gitops.services.versions import may_be_downloaded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wombat_gitops.api.context import Context
    from wombat_gitops.services.catalog import Catalog

_ATOM: Final = "http://www.w3.org/2005/Atom"
_ENTRIES: Final = 50
_PAGES: Final = 5
"""Pages of 200 builds that are looked through at most, so that one request has a bound."""
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When a feed without entries was updated: it never was."""
_IDS: Final = uuid.UUID("6f0f6f1e-55a7-5a0c-9a5c-0d6b8f4f0e11")
_AUTHOR: Final = "Wombat GitOps"
_FEED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/atom+xml": {"schema": {"type": "string"}}}},
    304: {"description": "The client has it"},
}


class _Atom(Response):
    media_type = "application/atom+xml"


class FeedOptions(BaseModel):
    """Query parameters of the feed of one distribution."""

    model_config = ConfigDict(extra="forbid")

    failures: bool = Field(default=False, description="also builds that failed")


@dataclass(frozen=True, slots=True)
class Entry:
    """One version, or one build that failed.

    Attributes:
        key: what it is known by for ever.
        page: path of its page.
        files: artifacts, newest build of each platform.
    """

    key: str
    title: str
    page: str
    updated: datetime
    published: datetime
    summary: str
    files: tuple[BuildRecord, ...] = ()


def feed_routes(context: Context) -> APIRouter:
    """The feeds of all distributions and of one."""
    router = APIRouter(tags=["feeds and badges"])

    @get(router, "/feed.atom", response_class=_Atom, responses=_FEED, summary="The newest versions, as Atom")
    async def get_feed(request: Request) -> Response:
        """The 50 newest versions of all distributions."""
        entries = _versions(context.ready(), "")
        return _answer(request, context, entries, title="New versions of all distributions", page="/")

    @get(router, "/d/{name}/feed.atom", response_class=_Atom, responses=_FEED, summary="One distribution, as Atom")
    async def get_distribution_feed(request: Request, name: str, options: Annotated[FeedOptions, Query()]) -> Response:
        """The 50 newest versions of one distribution; with `failures=true` also its builds that failed."""
        catalog = context.ready()
        record = catalog.distribution(name)
        entries = _versions(catalog, record.name)
        if options.failures:
            entries += _failures(catalog, record.name)
        return _answer(request, context, entries, title=f"{record.name}: new versions", page=f"/d/{quote(name)}")

    return router


def _answer(request: Request, context: Context, entries: list[Entry], *, title: str, page: str) -> Response:
    newest = sorted(entries, key=lambda entry: (entry.updated, entry.key), reverse=True)[:_ENTRIES]
    updated = newest[0].updated if newest else _NEVER
    base = base_of(request, context.public_url)
    query = f"?{request.url.query}" if request.url.query else ""
    text = write(newest, updated, title=title, base=base, page=page, itself=f"{request.url.path}{query}")
    response = tagged(request, _Atom(text))
    if newest:
        response.headers["Last-Modified"] = http_date(updated)
    return response


def write(entries: list[Entry], updated: datetime, *, title: str, base: str, page: str, itself: str) -> bytes:
    """The feed as XML."""
    ET.register_namespace("", _ATOM)
    feed = ET.Element(f"{{{_ATOM}}}feed")
    _put(feed, "id", _urn(itself))
    _put(feed, "title", title)
    _put(feed, "updated", _time(updated))
    _put(_put(feed, "author"), "name", _AUTHOR)
    _put(feed, "link", rel="self", type="application/atom+xml", href=f"{base}{itself}")
    _put(feed, "link", rel="alternate", type="text/html", href=f"{base}{page}")
    for entry in entries:
        _put_entry(feed, entry, base)
    text: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _put_entry(feed: ET.Element, entry: Entry, base: str) -> None:
    element = _put(feed, "entry")
    _put(element, "id", _urn(entry.key))
    _put(element, "title", entry.title)
    _put(element, "published", _time(entry.published))
    _put(element, "updated", _time(entry.updated))
    _put(element, "link", rel="alternate", type="text/html", href=f"{base}{entry.page}")
    for build in entry.files:
        if build.artifact is not None:
            _put(
                element,
                "link",
                rel="enclosure",
                type="application/octet-stream",
                title=build.artifact.file_name,
                length=str(build.artifact.size),
                href=f"{base}{digest_url(build.artifact.sha256)}",
            )
    _put(element, "summary", entry.summary)


def _put(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    given = {key: visible_line(value) for key, value in attributes.items()}
    element = ET.SubElement(parent, f"{{{_ATOM}}}{name}", given)
    if text:
        element.text = visible(text)
    return element


def _versions(catalog: Catalog, name: str) -> list[Entry]:
    """The versions that builds were made for most lately."""
    seen: dict[tuple[str, str], list[BuildRecord]] = {}
    for record in _newest(catalog, name, BuildState.SUCCEEDED):
        if may_be_downloaded(catalog, record):
            seen.setdefault((record.spec.name, record.spec.version), []).append(record)
        if len(seen) > _ENTRIES:
            break
    return [_version(*key, records) for key, records in seen.items()]


def _version(name: str, version: str, records: list[BuildRecord]) -> Entry:
    """The entry of one version: its newest build of each platform."""
    platforms = {str(record.spec.platform): record for record in reversed(records)}
    files = tuple(record for _, record in sorted(platforms.items()))
    sizes = "; ".join(
        f"{record.spec.platform}: {record.artifact.size / 1e6:.1f} MB" for record in files if record.artifact
    )
    return Entry(
        key=f"version {name} {version}",
        title=f"{name} {version}",
        page=f"/d/{quote(name)}/v/{quote(version)}",
        updated=max(record.changed_at for record in files),
        published=min(record.changed_at for record in files),
        summary=sizes,
        files=files,
    )


def _failures(catalog: Catalog, name: str) -> list[Entry]:
    return [
        Entry(
            key=f"build {record.id}",
            title=f"{record.spec.name} {record.spec.version} failed on {record.spec.platform}",
            page=f"/builds/{record.id}",
            updated=record.changed_at,
            published=record.requested_at,
            summary=f"{record.failure.culprit} {record.failure.message}".strip() if record.failure else "failed",
        )
        for record in _newest(catalog, name, BuildState.FAILED)
    ]


def _newest(catalog: Catalog, name: str, state: BuildState) -> Iterator[BuildRecord]:
    cursor = ""
    for _ in range(_PAGES):
        page = catalog.builds(BuildQuery(name=name, state=state, cursor=cursor, limit=200))
        yield from page.items
        cursor = page.next
        if not cursor:
            return


def _urn(key: str) -> str:
    return uuid.uuid5(_IDS, key).urn


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
