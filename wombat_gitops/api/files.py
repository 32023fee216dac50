"""Downloads: files by name or by digest, verified before the first byte is sent."""

from __future__ import annotations

import base64
import contextlib
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse
from starlette.datastructures import Headers

from wombat_gitops.api.answers import get, is_known, tagged
from wombat_gitops.api.clients import client_of
from wombat_gitops.api.exchanges import EXTENSION
from wombat_gitops.api.headers import FILE_POLICY, named
from wombat_gitops.api.problems import BEYOND, OTHER, problem
from wombat_gitops.domain.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.types import Message, Receive, Scope, Send

    from wombat_gitops.api.context import Context
    from wombat_gitops.domain.model import Artifact
    from wombat_gitops.domain.records import BuildRecord

_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_REVALIDATE: Final = "no-cache"
CHECKSUM: Final = ".sha256"
_BYTES: Final = re.compile(rb"\s*bytes\s*=", re.IGNORECASE)
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
        super().__init__(path, media_type=media_type, headers=headers, stat_result=path.stat())
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or the parts that `Range` asks for, and let it go."""
        scope = _understood(scope)
        async with self._held:
            begun = await self._begun(scope, receive)
            if begun["status"] >= OTHER.status:
                await _refused(scope, begun)(scope, receive, send)
            elif scope["method"] == "HEAD":
                await send(begun)
                await send({"type": "http.response.body", "body": b""})
            elif EXTENSION in scope.get("extensions", {}) and (part := _part(begun)):
                await send(begun)
                with open(self.path, "rb", buffering=0) as file:  # noqa: ASYNC230, PTH123 - it is here, and held
                    await send({"type": EXTENSION, "file": file.fileno(), "offset": part[0], "count": part[1]})
            else:
                await super().__call__(scope, receive, send)

    async def _begun(self, scope: Scope, receive: Receive) -> Message:
        """How the answer begins: HEAD is told the same as GET."""
        messages: list[Message] = []

        async def note(message: Message) -> None:
            messages.append(message)

        await super().__call__({**scope, "method": "HEAD"}, receive, note)
        return messages[0]


def _understood(scope: Scope) -> Scope:
    """*scope* without a `Range` in units other than bytes, which counts as none (RFC 9110, 14.2)."""
    unknown = [(name, value) for name, value in scope["headers"] if name == b"range" and not _BYTES.match(value)]
    return {**scope, "headers": [each for each in scope["headers"] if each not in unknown]} if unknown else scope


def _part(begun: Message) -> tuple[int, int] | None:
    """Offset and number of the bytes that an answer announces; None where they are several parts."""
    headers = Headers(raw=begun["headers"])
    if headers["content-type"].startswith("multipart/"):
        return None
    start = headers.get("content-range", "bytes 0-").removeprefix("bytes ").partition("-")[0]
    return int(start), int(headers["content-length"])


def _refused(scope: Scope, begun: Message) -> Response:
    headers = Headers(raw=begun["headers"])
    size = {"Content-Range": headers["content-range"]} if "content-range" in headers else {}
    return problem(Request(scope), BEYOND if begun["status"] == BEYOND.status else OTHER, headers=size)


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


def http_date(moment: datetime) -> str:
    """As HTTP writes it, in whole seconds."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def has_copy(request: Request, headers: Mapping[str, str]) -> bool:
    """Whether the client says that it has what these headers tell of.

    By date only where it knows no tag, and only by the very same one: what is withdrawn leaves something older.
    """
    if "if-none-match" in request.headers:
        return is_known(request, headers["ETag"])
    return request.headers.get("if-modified-since") == headers["Last-Modified"]


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
        return await _send(context, request, record, _IMMUTABLE)

    @get(router, "/dl/{name}/{version}/{file_name}", response_class=FileResponse, responses=_BINARY)
    async def download(request: Request, name: str, version: str, file_name: str) -> Response:
        """A published file by its name; with `.sha256` behind it, a line for `sha256sum -c`."""
        catalog = context.ready()
        record = catalog.published(name, version, file_name.removesuffix(CHECKSUM))
        catalog.check_withdrawn(record)
        if file_name.endswith(CHECKSUM):
            return _checksum(request, _made(record))
        return await _send(context, request, record, _REVALIDATE)

    return router


def _made(record: BuildRecord) -> Artifact:
    if record.artifact is None:
        msg = f"build `{record.id[:12]}` has no artifact"
        raise NotFound(msg)
    return record.artifact


async def _send(context: Context, request: Request, record: BuildRecord, cache: str) -> Response:
    artifact = _made(record)
    headers = {
        "ETag": etag_of(artifact.sha256),
        "Last-Modified": http_date(record.changed_at),
        "Cache-Control": cache,
        "Content-Security-Policy": FILE_POLICY,
    }
    if has_copy(request, headers):
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
            **named(artifact.file_name, how="attachment"),
        },
    )


def checksum_line(artifact: Artifact) -> str:
    """A line for `sha256sum -c`."""
    return f"{artifact.sha256}  {artifact.file_name}\n"


def _checksum(request: Request, artifact: Artifact) -> Response:
    name = named(f"{artifact.file_name}{CHECKSUM}")
    return tagged(request, PlainTextResponse(checksum_line(artifact), headers=name))
