"""The website's files, read once, and its one document, with what the server knows about the page that is asked for."""

from __future__ import annotations

import html
import json
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from wombat_gitops.api.addresses import base_of
from wombat_gitops.api.answers import etag, get, is_known, tagged
from wombat_gitops.api.encodings import SUFFIXES, chosen
from wombat_gitops.api.headers import SITE_POLICY
from wombat_gitops.api.pages import FOUND, SITE, Page, page_of
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from wombat_gitops.api.context import Context

BUILT: Final = Path(__file__).parent.parent / "ui" / "dist"
"""Where the package keeps its website."""

_RESERVED: Final = ("api", "dl", "by-digest", "badge", "assets", "docs", "healthz", "readyz", "metrics")
_FILE: Final = re.compile(r"[^/]+\.[^/]+|\.well-known(?:/.*)?")
"""Files that programs ask every server for, `favicon.ico`; no page has such an address."""
_MISSING: Final = "This server was installed without its website. The API is at /api/v1.\n"
_INDEX: Final = "index.html"
_MANIFEST: Final = "chunks.json"
"""Written by Vite: which files each module of the page needs."""
_TITLE: Final = re.compile(r"<title>.*?</title>", re.DOTALL)
_DESCRIPTION: Final = re.compile(r'[ ]*<meta name="description"[^>]*>\n?')
_HEADING: Final = re.compile(r'(<h1 class="boot-title">).*?(</h1>)', re.DOTALL)
_STYLES: Final = re.compile(r'<link rel="stylesheet" crossorigin href="(/assets/[^"]+)"')
_LONGEST: Final = 300
"""Characters of a description."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file in every encoding that there is, each with its entity tag."""

    media_type: str
    cache: str
    bodies: Mapping[str, tuple[bytes, str]]

    def answer(self, request: Request) -> Response:
        encoding = chosen(request.headers.get("accept-encoding", ""), self.bodies)
        body, tag = self.bodies[encoding]
        headers = {"ETag": tag, "Cache-Control": self.cache, "Vary": "Accept-Encoding"}
        if is_known(request, tag):
            return Response(status_code=304, headers=headers)
        if encoding:
            headers["Content-Encoding"] = encoding
        return Response(body, headers=headers, media_type=self.media_type)


def site_routes(context: Context, folder: Path | None) -> APIRouter:
    """Every address that is neither API nor download.

    Args:
        folder: the built website; where it is missing the pages say so.
    """
    router = APIRouter(include_in_schema=False)
    files = _read(folder) if folder is not None and (folder / _INDEX).is_file() else {}
    document = _Document(folder) if folder is not None and files else None

    @get(router, "/{path:path}")
    async def page(request: Request, path: str) -> Response:
        found = files.get(path)
        if found is not None:
            return found.answer(request)
        if path.split("/", 1)[0] in _RESERVED or (path != _INDEX and _FILE.fullmatch(path)):
            raise HTTPException(404)
        if document is None:
            return PlainTextResponse(_MISSING)
        wanted = "" if path == _INDEX else request.scope.get("raw_path", path.encode()).decode("latin-1").lstrip("/")
        known = await page_of(context, wanted.partition("?")[0])
        if known.location:
            query = f"?{request.url.query}" if request.url.query else ""
            headers = {"Location": known.location + query, "Cache-Control": "no-store"}
            return Response(status_code=known.status, headers=headers)
        base = base_of(request, context.public_url)
        text = document.text(known, f"{base}{request.url.path}", asked=bool(request.url.query))
        response = Response(text, known.status, {"Content-Security-Policy": SITE_POLICY}, "text/html")
        return tagged(request, response) if known.status == FOUND else response

    return router


class _Document:
    """The document of all pages, filled in for one."""

    def __init__(self, folder: Path) -> None:
        self._template = _DESCRIPTION.sub("", (folder / _INDEX).read_text(encoding="utf-8"))
        self._styles = _STYLES.findall(self._template)
        self._chunks: dict[str, Any] = {}
        if (folder / _MANIFEST).is_file():
            self._chunks = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))

    def text(self, page: Page, url: str, *, asked: bool) -> str:
        """HTML for *page*.

        Args:
            url: its absolute address.
            asked: the address has a query, so the page asks the API for something else than without.
        """
        title = visible_line(f"{page.title} · {SITE}" if page.title else SITE)
        heading = visible_line(page.title or SITE)
        about = visible_line(page.description)[:_LONGEST]
        properties = {"og:site_name": SITE, "og:type": "website", "og:title": heading, "og:description": about}
        head = [f"<title>{html.escape(title)}</title>"]
        head += [f'<meta name="description" content="{html.escape(about)}">']
        if page.status == FOUND:
            properties["og:url"] = url
        else:
            head += ['<meta name="robots" content="noindex">']
        head += [f'<meta property="{name}" content="{html.escape(text)}">' for name, text in properties.items()]
        hint = f'<p class="boot-hint">{_marked(page.hint)}</p>' if page.hint else ""
        text = _TITLE.sub(lambda _: "\n    ".join(head), self._template, count=1)
        text = text.replace(
            "</head>", "".join(f"  {link}\n  " for link in self._early(page, asked=asked)) + "</head>", 1
        )
        return _HEADING.sub(lambda match: f"{match[1]}{html.escape(heading)}{match[2]}{hint}", text, count=1)

    def _early(self, page: Page, *, asked: bool) -> list[str]:
        """What the page will need, so that the browser asks for all of it at once."""
        files = self._files(f"src/pages/{page.view}.vue")
        links = [f'<link rel="modulepreload" crossorigin href="/{each}">' for each in files]
        links += [f'<link rel="preload" as="style" crossorigin href="{each}">' for each in self._styles]
        reads = () if asked else page.reads
        links += [f'<link rel="preload" as="fetch" crossorigin href="{html.escape(each)}">' for each in reads]
        return links

    def _files(self, module: str) -> list[str]:
        """Files of a module and of all that it imports, those aside that the template names already."""
        found, todo = dict[str, None](), [module]
        seen = set[str]()
        while todo:
            name = todo.pop()
            chunk = self._chunks.get(name)
            if chunk is None or name in seen:
                continue
            seen.add(name)
            found[chunk["file"]] = None
            todo += chunk.get("imports", ())
        return [each for each in found if f'"/{each}"' not in self._template]


def _read(folder: Path) -> dict[str, _File]:
    files = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in set(SUFFIXES.values()):
            continue
        name = path.relative_to(folder).as_posix()
        if name in {_INDEX, _MANIFEST, ".sources"}:
            continue
        bodies = {"": path.read_bytes()}
        for encoding, suffix in SUFFIXES.items():
            packed = path.with_name(path.name + suffix)
            if packed.is_file():
                bodies[encoding] = packed.read_bytes()
        cache = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
        tagged = {encoding: (body, etag(body)) for encoding, body in bodies.items()}
        files[name] = _File(_media_type(name), cache, tagged)
    return files


def _marked(words: str) -> str:
    """Escaped text in which names in backticks are code."""
    pieces = html.escape(visible_line(words)).split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))


def _media_type(name: str) -> str:
    known = {".js": "text/javascript", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}
    return known.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
