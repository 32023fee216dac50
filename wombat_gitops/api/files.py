"""Downloads: files by name or by digest, verified before the first byte is sent."""

from __future__ import annotations

import base64
import contextlib
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse
from starlette.datastructures import Headers

from wombat_gitops.api.answers import get, is_known, tagged
from wombat_gitops.api.clients import client_of
from wombat_gitops.api.headers import FILE_POLICY
from wombat_gitops.api.problems import BEYOND, OTHER, problem
from wombat_gitops.domain.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Message, Receive, Scope, Send

    from wombat_gitops.api.context import Context
    from wombat_gitops.domain.lifecycle import BuildRecord
    from wombat_gitops.domain.model import Artifact

_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_REVALIDATE: Final = "no-cache"
CHECKSUM: Final = ".sha256"
_BINARY: Final = {
    200: {
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "text/plain": {"schema": {"type": "string", "description": "the line of `.sha256`"}},
        }
    },
    206: {"description": "The bytes that `Range` asked for"},
    304: {"description": "The client has it"},
}


class HeldFile(FileResponse):
    """A file that stays where it is until it was sent, whatever happens meanwhile."""

    def __init__(self, path: Path, held: contextlib.AsyncExitStack, media_type: str, headers: dict[str, str]) -> None:
        super().__init__(path, media_type=media_type, headers=headers)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or the parts that `Range` asks for, and let it go."""
        refused: Message | None = None

        async def send_unless_refused(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] >= OTHER.status:
                refused = message
            if refused is None:
                await send(message)

        async with self._held:
            await super().__call__(scope, receive, send_unless_refused)
        if refused is not None:
            request, headers = Request(scope), Headers(raw=refused["headers"])
            size = {"Content-Range": headers["content-range"]} if "content-range" in headers else {}
            kind = BEYOND if refused["status"] == BEYOND.status else OTHER
            await problem(request, kind, headers=size)(scope, receive, send)


async def held_file(
    context: Context,
    client: str,
    sha256: str,
    size: int,
    *,
    media_type: str = "application/octet-stream",
    headers: dict[str, str],
) -> Response:
    """Answer with an object's bytes, read from a verified copy. Raises as `Downloads.hold` and `Slots.take` do."""
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(context.transfers.take(client))
        path = await stack.enter_async_context(context.downloads.hold(sha256, size))
        return HeldFile(path, stack.pop_all(), media_type, {"ETag": etag_of(sha256), **headers})


def etag_of(sha256: str) -> str:
    """The strong entity tag of bytes: it stays the same on every server and after every restore."""
    return f'"sha256-{sha256}"'


def file_routes(context: Context) -> APIRouter:
    """The routes below `/dl`, and `/by-digest`."""
    router = APIRouter(tags=["downloads"])

    @get(router, "/dl/sha256/{digest}", response_class=FileResponse, responses=_BINARY)
    async def download_by_digest(request: Request, digest: str) -> Response:
        """A file by the SHA-256 of its bytes; with `.sha256` behind it, a line for `sha256sum -c`."""
        return await by_digest(request, digest)

    @get(router, "/by-digest/{digest}", response_class=FileResponse, responses=_BINARY)
    async def get_by_digest(request: Request, digest: str) -> Response:
        """The same by the digest as tools write it, `sha256:` and 64 hexadecimal digits."""
        return await by_digest(request, digest.removeprefix("sha256:"))

    async def by_digest(request: Request, digest: str) -> Response:
        sha256 = digest.removesuffix(CHECKSUM)
        catalog = context.ready()
        record = catalog.by_digest(sha256)
        catalog.check_withdrawn(record)
        if digest.endswith(CHECKSUM):
            return _checksum(request, _made(record))
        return await _send(context, request, _made(record), _IMMUTABLE)

    @get(router, "/dl/{name}/{version}/{file_name}", response_class=FileResponse, responses=_BINARY)
    async def download(request: Request, name: str, version: str, file_name: str) -> Response:
        """A published file by its name; with `.sha256` behind it, a line for `sha256sum -c`."""
        catalog = context.ready()
        record = catalog.published(name, version, file_name.removesuffix(CHECKSUM))
        catalog.check_withdrawn(record)
        if file_name.endswith(CHECKSUM):
            return _checksum(request, _made(record))
        return await _send(context, request, _made(record), _REVALIDATE)

    return router


def _made(record: BuildRecord) -> Artifact:
    if record.artifact is None:
        msg = f"build `{record.id[:12]}` has no artifact"
        raise NotFound(msg)
    return record.artifact


async def _send(context: Context, request: Request, artifact: Artifact, cache: str) -> Response:
    headers = {
        "ETag": etag_of(artifact.sha256),
        "Cache-Control": cache,
        "Content-Security-Policy": FILE_POLICY,
    }
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    digest = base64.b64encode(bytes.fromhex(artifact.sha256)).decode()
    return await held_file(
        context,
        client_of(request.scope),
        artifact.sha256,
        artifact.size,
        headers={
            **headers,
            "Repr-Digest": f"sha-256=:{digest}:",
            "Content-Disposition": _disposition(artifact.file_name),
        },
    )


def _disposition(file_name: str) -> str:
    """Both forms of the name (RFC 6266, appendix D)."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\' else "_" for char in file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def checksum_line(artifact: Artifact) -> str:
    """A line for `sha256sum -c`."""
    return f"{artifact.sha256}  {artifact.file_name}\n"


def _checksum(request: Request, artifact: Artifact) -> Response:
    return tagged(request, PlainTextResponse(checksum_line(artifact)))
