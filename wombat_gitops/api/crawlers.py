"""What programs that read the whole site ask for: robots.txt, a sitemap, llms.txt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from wombat_gitops.api.addresses import base_of
from wombat_gitops.api.answers import get, tagged

if TYPE_CHECKING:
    from wombat_gitops.api.context import Context
    from wombat_gitops.services.catalog import Catalog

_PAGES: Final = ("/", "/builds", "/sources", "/fleet", "/docs/rules", "/docs/problems")
_MOST: Final = 50_000
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

- [OpenAPI 3.1]({base}/api/v1/openapi.json): every route, with parameters and answers
- [Distributions]({base}/api/v1/distributions): all of them, `?q=` searches
- [Builds]({base}/api/v1/builds): newest first, with logs
- [New versions]({base}/feed.atom): Atom feed
- [Rules of manifests]({base}/docs/rules): what each says and what to do
- [Problems]({base}/docs/problems): what each error of the API means
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
        text = write(context.ready(), base_of(request, context.public_url))
        return tagged(request, Response(text, media_type="application/xml"))

    return router


def write(catalog: Catalog, base: str) -> str:
    """The pages and every distribution that has a manifest, with when each changed last."""
    records = [record for _, record in sorted(catalog.known_distributions().items()) if not record.retired]
    lines = [f"<url><loc>{escape(base + page)}</loc></url>" for page in _PAGES]
    lines += [
        f"<url><loc>{escape(base)}/d/{quote(record.name)}</loc><lastmod>{record.date.date().isoformat()}</lastmod></url>"
        for record in records[: _MOST - len(_PAGES)]
    ]
    body = "\n".join(lines)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{body}\n</urlset>\n'
    )
