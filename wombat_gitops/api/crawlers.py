"""What programs that read the whole site ask for: robots.txt, a sitemap, llms.txt."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from wombat_gitops.api.addresses import base_of
from wombat_gitops.api.answers import get, tagged
from wombat_gitops.services.versions import may_be_downloaded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from wombat_gitops.api.context import Context
    from wombat_gitops.domain.contents import Component
    from wombat_gitops.services.catalog import Catalog

_PAGES: Final = (
    "/",
    "/components",
    "/packages",
    "/compose",
    "/builds",
    "/sources",
    "/fleet",
    "/docs/rules",
    "/docs/problems",
    "/docs/api",
)
MOST: Final = 50_000
"""Addresses in one sitemap (sitemaps.org)."""
_ROBOTS: Final = """\
User-agent: *
Disallow: /dl/
Disallow: /by-digest/
Disallow: /api/v1/events
Disallow: /api/v1/builds/*/log
Allow: /

Sitemap: {base}/sitemap.xml
"""
_LLMS: Final = """\
# Wombat GitOps

> Distributions of Redpanda Benthos: what there is, what is in each, whether it is built, how to get and verify it.
> Read-only. Every page has JSON below /api/v1.

- [OpenAPI 3.1]({base}/api/v1/openapi.json): every route, with parameters and responses
- [Distributions]({base}/api/v1/distributions): all of them, `?q=` searches
- [Components]({base}/api/v1/components): inputs, processors, outputs and what else programs hold, each with its fields,
  examples and the distributions that have it
- [Packages]({base}/api/v1/packages): Go packages that distributions are made of, with versions and licences
- [Search]({base}/api/v1/search?q=kafka): over all three
- [Compose]({base}/api/v1/compose/choices): what to choose from; `/api/v1/compose?name=edge&package=pure` answers with
  the manifest of a new distribution, what is wrong with it, and where to propose it
- [Builds]({base}/api/v1/builds): newest first. `/api/v1/builds/{{id}}/log` is the log of one as text, also while it
  runs; `/log/search?q=` finds lines in it
- [Status]({base}/api/v1/status): is it down, and why
- [New versions]({base}/feed.atom): Atom feed
- [Manifest rules]({base}/docs/rules): what each says and what to do
- [API errors]({base}/docs/problems): what each error of the API means
- [The API]({base}/docs/api): every route with an example response
"""


def crawler_routes(context: Context) -> APIRouter:
    """Three files, made for the address at which they are asked for."""
    router = APIRouter(include_in_schema=False)

    @get(router, "/robots.txt")
    async def robots(request: Request) -> Response:
        return tagged(request, PlainTextResponse(_ROBOTS.format(base=base_of(request, context.public_url))))

    @get(router, "/llms.txt")
    async def overview(request: Request) -> Response:
        return tagged(request, PlainTextResponse(_LLMS.format(base=base_of(request, context.public_url))))

    @get(router, "/sitemap.xml")
    async def sitemap(request: Request) -> Response:
        catalog, board = context.ready(), await context.references.caught_up()
        text = write(catalog, board.components, base_of(request, context.public_url))
        return tagged(request, Response(text, media_type="application/xml"))

    return router


def write(catalog: Catalog, components: Iterable[Component], base: str) -> str:
    """Pages that there are, with when each changed where that is known; not what is retired or withdrawn."""
    lines = (
        f"<url><loc>{escape(base + path)}</loc>{f'<lastmod>{changed}</lastmod>' if changed else ''}</url>"
        for path, changed in islice(_pages(catalog, components), MOST)
    )
    body = "\n".join(lines)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{body}\n</urlset>\n'
    )


def _pages(catalog: Catalog, components: Iterable[Component]) -> Iterator[tuple[str, date | None]]:
    """Paths and days, what matters most first: there may be more of them than a sitemap holds."""
    yield from ((path, None) for path in _PAGES)
    records = [record for _, record in sorted(catalog.known_distributions().items()) if not record.retired]
    yield from ((f"/d/{quote(record.name)}", record.date.date()) for record in records)
    for each in sorted(components, key=lambda each: (each.kind, each.name)):
        yield f"/components/{quote(each.kind)}/{quote(each.name)}", None
    for record in records:
        for version in catalog.versions(record.name):
            made = [build.changed_at for build in version.builds.values() if may_be_downloaded(catalog, build)]
            if made:
                yield f"/d/{quote(record.name)}/v/{quote(version.version)}", max(made).date()
