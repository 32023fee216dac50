"""The website's files, read once: whole in memory, compressed when they were built."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from wombat_gitops.api.answers import get, is_known
from wombat_gitops.api.headers import SITE_POLICY

BUILT: Final = Path(__file__).parent.parent / "ui" / "dist"
"""Where the package keeps its website."""

_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
_RESERVED: Final = ("api", "dl", "by-digest", "badge", "assets", "docs", "healthz", "readyz")
_MISSING: Final = "This server was installed without its website. The API is at /api/v1.\n"


@dataclass(frozen=True, slots=True)
class _File:
    media_type: str
    cache: str
    bodies: Mapping[str, bytes]

    def answer(self, request: Request) -> Response:
        accepted = request.headers.get("accept-encoding", "")
        encoding = next((name for name, _ in _ENCODINGS if name in self.bodies and _accepts(accepted, name)), "")
        body = self.bodies[encoding]
        etag = f'"sha256-{hashlib.sha256(body).hexdigest()}"'
        headers = {"ETag": etag, "Cache-Control": self.cache, "Vary": "Accept-Encoding"}
        headers["Content-Security-Policy"] = SITE_POLICY
        if is_known(request, etag):
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
        if path.split("/", 1)[0] in _RESERVED:
            raise HTTPException(404)
        if not files:
            return PlainTextResponse(_MISSING)
        return files["index.html"].answer(request)

    return router


def _read(folder: Path) -> dict[str, _File]:
    files = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in {suffix for _, suffix in _ENCODINGS}:
            continue
        name = path.relative_to(folder).as_posix()
        bodies = {"": path.read_bytes()}
        for encoding, suffix in _ENCODINGS:
            packed = path.with_name(path.name + suffix)
            if packed.is_file():
                bodies[encoding] = packed.read_bytes()
        cache = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
        files[name] = _File(_media_type(name), cache, bodies)
    return files


def _media_type(name: str) -> str:
    known = {".js": "text/javascript", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}
    return known.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _accepts(header: str, encoding: str) -> bool:
    for part in header.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if name == encoding:
            return not any(parameter in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for parameter in parameters)
    return False
