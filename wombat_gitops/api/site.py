"""The website's files, read once: whole in memory, compressed when they were built."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from wombat_gitops.api.answers import etag, get, is_known
from wombat_gitops.api.encodings import SUFFIXES, chosen
from wombat_gitops.api.headers import SITE_POLICY

BUILT: Final = Path(__file__).parent.parent / "ui" / "dist"
"""Where the package keeps its website."""

_RESERVED: Final = ("api", "dl", "by-digest", "badge", "assets", "docs", "healthz", "readyz")
_FILE: Final = re.compile(r"[^/]+\.[^/]+|\.well-known(?:/.*)?")
"""Files that programs ask every server for, `favicon.ico`; no page has such an address."""
_MISSING: Final = "This server was installed without its website. The API is at /api/v1.\n"


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
        headers["Content-Security-Policy"] = SITE_POLICY
        if is_known(request, tag):
            return Response(status_code=304, headers=headers)
        if encoding:
            headers["Content-Encoding"] = encoding
        return Response(body, headers=headers, media_type=self.media_type)


def site_routes(folder: Path | None) -> APIRouter:
    """Every address that is neither API nor download; all pages are one document.

    Args:
        folder: the built website; where it is missing the pages say so.
    """
    router = APIRouter(include_in_schema=False)
    files = _read(folder) if folder is not None and (folder / "index.html").is_file() else {}

    @get(router, "/{path:path}")
    async def page(request: Request, path: str) -> Response:
        found = files.get(path)
        if found is not None:
            return found.answer(request)
        if path.split("/", 1)[0] in _RESERVED or _FILE.fullmatch(path):
            raise HTTPException(404)
        if not files:
            return PlainTextResponse(_MISSING)
        return files["index.html"].answer(request)

    return router


def _read(folder: Path) -> dict[str, _File]:
    files = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in set(SUFFIXES.values()):
            continue
        name = path.relative_to(folder).as_posix()
        bodies = {"": path.read_bytes()}
        for encoding, suffix in SUFFIXES.items():
            packed = path.with_name(path.name + suffix)
            if packed.is_file():
                bodies[encoding] = packed.read_bytes()
        cache = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
        tagged = {encoding: (body, etag(body)) for encoding, body in bodies.items()}
        files[name] = _File(_media_type(name), cache, tagged)
    return files


def _media_type(name: str) -> str:
    known = {".js": "text/javascript", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}
    return known.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
