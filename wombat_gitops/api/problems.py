"""The one place where errors become problem documents (RFC 9457)."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from wombat_gitops.api.views.base import ParameterProblem, Problem
from wombat_gitops.domain.errors import (
    CorruptData,
    DiskFailed,
    NotFound,
    Refused,
    TimedOut,
    TransientError,
    Unreachable,
    UserError,
    Withdrawn,
    WombatError,
)
from wombat_gitops.services.webhooks import NotAuthentic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

MEDIA_TYPE: Final = "application/problem+json"
TYPES_PATH: Final = "/docs/problems"

_ALLOWED: Final = {"Allow": "GET, HEAD"}

_RETRY_SECONDS: Final = "5"
_RETRIED: Final = frozenset({429, 503})


class Busy(TransientError):
    """As many streams or downloads are open as this server allows."""


class TooMany(TransientError):
    """One client asks for more than its share.

    Attributes:
        seconds: after how long it may ask again.
    """

    def __init__(self, message: str, *, hint: str, seconds: float) -> None:
        super().__init__(message, hint=hint)
        self.seconds = seconds


class TooSlow(UserError):
    """What the client sends does not come in time."""


class NotReady(TransientError):
    """The catalogue has not been read yet."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem.

    Attributes:
        meaning: for people; said instead of the error's own message where that may tell internals.
        open: the error's own message and hint are meant for whoever asked.
    """

    status: int
    code: str
    title: str
    meaning: str
    open: bool = False


NOT_FOUND: Final = Kind(404, "not-found", "Not found", "what was named does not exist", open=True)
GONE: Final = Kind(410, "withdrawn", "Withdrawn", "it is there, and must not be downloaded any more", open=True)
METHOD: Final = Kind(405, "method-not-allowed", "Method not allowed", "everything here is read with GET or HEAD")
INVALID: Final = Kind(422, "invalid-request", "Invalid request", "a parameter has a value that it cannot have")
BEYOND: Final = Kind(416, "no-such-part", "No such part", "the file does not have the bytes that `Range` asks for")
SLOW: Final = Kind(408, "too-slow", "Too slow", "the request did not come within the time it has")
LONG_ADDRESS: Final = Kind(414, "address-too-long", "Address too long", "the address is longer than any that is read")
LARGE_HEAD: Final = Kind(431, "headers-too-large", "Headers too large", "the headers are larger than any that are read")
MALFORMED: Final = Kind(400, "malformed", "Malformed request", "what came is not a request of HTTP/1.1")
MISDIRECTED: Final = Kind(421, "wrong-host", "Misdirected request", "the server does not answer for the host in `Host`")
SHARE: Final = Kind(429, "too-many-requests", "Too many requests", "one client asks for more than its share", open=True)
BUSY: Final = Kind(
    503, "busy", "Too busy", "as many connections, streams or downloads are open as this server allows", open=True
)
TIMED_OUT: Final = Kind(504, "timed-out", "Timed out", "the store did not answer in time; try again")
TOO_LARGE: Final = Kind(413, "too-large", "Too large", "the message is larger than any that is taken")
UNSIGNED: Final = Kind(401, "not-authentic", "Not authentic", "the message is not signed as it must be", open=True)
REFUSED: Final = Kind(400, "refused", "Request refused", "the request was understood and is not allowed", open=True)
INTERNAL: Final = Kind(500, "internal", "Internal error", "the server failed; the request id helps to find out why")
OTHER: Final = Kind(400, "bad-request", "Bad request", "the request cannot be answered")

_KINDS: Final[tuple[tuple[type[WombatError], Kind], ...]] = (
    (Withdrawn, GONE),
    (NotFound, NOT_FOUND),
    (NotAuthentic, UNSIGNED),
    (TooSlow, SLOW),
    (Refused, REFUSED),
    (UserError, REFUSED),
    (TooMany, SHARE),
    (Busy, BUSY),
    (NotReady, Kind(503, "not-ready", "Not ready", "the server cannot tell the newest state yet", open=True)),
    (TimedOut, TIMED_OUT),
    (Unreachable, Kind(503, "unreachable", "Unreachable", "the store does not answer; try again")),
    (DiskFailed, Kind(503, "disk-failed", "Disk failed", "the server's own disk takes no copy of it for now")),
    (TransientError, Kind(503, "unreachable", "Unreachable", "the store does not answer; try again")),
    (
        CorruptData,
        Kind(502, "corrupt-data", "Corrupt data", "what is stored does not match its digest and is not sent"),
    ),
    (WombatError, INTERNAL),
)
"""From special to general: the first that fits counts."""


def kind_of(error: WombatError) -> Kind:
    """The kind of problem that an error of ours is."""
    return next(kind for cause, kind in _KINDS if isinstance(error, cause))


def request_id(request: Request) -> str:
    """The id that answers and logs of one request share."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def problem(
    request: Request,
    kind: Kind,
    *,
    detail: str = "",
    hint: str = "",
    errors: tuple[ParameterProblem, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer that tells of a problem."""
    body = document(
        kind,
        detail=detail,
        instance=str(request.scope["path"]),
        hint=hint,
        request_id=request_id(request),
        errors=errors,
    )
    all_headers = {**problem_headers(kind), **(headers or {})}
    return Response(body.model_dump_json(), kind.status, all_headers, MEDIA_TYPE)


def document(
    kind: Kind,
    *,
    detail: str = "",
    instance: str = "",
    hint: str = "",
    request_id: str = "",
    errors: tuple[ParameterProblem, ...] = (),
) -> Problem:
    """The body that tells of a problem."""
    return Problem(
        type=f"{TYPES_PATH}#{kind.code}",
        title=kind.title,
        status=kind.status,
        code=kind.code,
        detail=detail or kind.meaning,
        instance=instance,
        hint=hint,
        request_id=request_id,
        errors=list(errors),
    )


def problem_headers(kind: Kind, seconds: float | None = None) -> dict[str, str]:
    """What an answer that tells of *kind* has beside its body; *seconds* until asking again may work."""
    headers = {"Cache-Control": "no-store"}
    if kind.status in _RETRIED:
        headers["Retry-After"] = _RETRY_SECONDS if seconds is None else str(max(1, math.ceil(seconds)))
    return headers


def unread(request: Request, kind: Kind) -> Response:
    """The answer to a request whose body stays unread: nothing can follow it on its connection."""
    allowed = _ALLOWED if kind is METHOD else {}
    return problem(request, kind, headers={"Connection": "close", **allowed})


def misdirected(request: Request) -> Response:
    """The answer to a request for another host; nothing of what it named is repeated."""
    return problem(request, MISDIRECTED, hint=_ADVICE[MISDIRECTED.code], headers={"Connection": "close"})


def too_many(request: Request, error: TooMany) -> Response:
    """The answer to a client that asks for more than its share."""
    headers = problem_headers(SHARE, error.seconds)
    return problem(request, SHARE, detail=error.message, hint=error.hint, headers=headers)


def install(app: FastAPI) -> None:
    """Make *app* answer every error with a problem document."""
    app.add_exception_handler(WombatError, _from_error)
    app.add_exception_handler(RequestValidationError, _from_validation)
    app.add_exception_handler(HTTPException, _from_http)


async def _from_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, WombatError):
        return problem(request, INTERNAL)
    if isinstance(error, TooMany):
        return too_many(request, error)
    kind = kind_of(error)
    if kind is SLOW:
        return unread(request, kind)
    if kind.open:
        return problem(request, kind, detail=error.message, hint=error.hint)
    return problem(request, kind)


async def _from_validation(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        return problem(request, INTERNAL)
    errors = tuple(
        ParameterProblem(parameter=".".join(str(part) for part in item["loc"][1:]), detail=item["msg"].lower())
        for item in error.errors()
    )
    detail = "; ".join(f"`{item.parameter}`: {item.detail}" for item in errors)
    return problem(request, INVALID, detail=detail, errors=errors)


async def _from_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else INTERNAL.status
    if status == METHOD.status:
        return problem(request, METHOD, headers=_ALLOWED)
    if status == NOT_FOUND.status:
        return problem(request, NOT_FOUND, detail=f"there is nothing at `{request.url.path[:200]}`")
    if status >= INTERNAL.status:
        return problem(request, INTERNAL)
    return problem(request, OTHER)


def problems_html() -> str:
    """Every kind of problem, as the content of a page below its heading; `type` leads to its place."""
    alone = (METHOD, INVALID, BEYOND, TOO_LARGE, LONG_ADDRESS, LARGE_HEAD, MALFORMED, MISDIRECTED, OTHER)
    found = {kind.code: kind for kind in (*alone, *(kind for _, kind in _KINDS))}
    kinds = sorted(found.values(), key=lambda kind: (kind.status, kind.code))
    links = "".join(f'<li><a href="#{kind.code}">{kind.status} {kind.code}</a></li>' for kind in kinds)
    parts = [f'<p>{_INTRODUCTION}</p><ul class="contents">{links}</ul>']
    for kind in kinds:
        parts.append(f'<h2 id="{kind.code}">{html.escape(kind.title)}</h2>')
        parts.append(f"<p><code>{kind.code}</code>, status {kind.status}: {html.escape(kind.meaning)}.</p>")
        parts.append(f"<p>What to do: {html.escape(_ADVICE[kind.code])}.</p>")
    return "\n".join(parts)


_INTRODUCTION: Final = (
    "An answer that tells of an error is a problem document (RFC 9457), <code>application/problem+json</code>: "
    "<code>code</code> is for programs, <code>detail</code> and <code>hint</code> are for people, "
    "<code>request_id</code> is in the server's log too. <code>type</code> leads to the places of this page."
)
_ADVICE: Final[Mapping[str, str]] = {
    "not-found": "look at the hint, which has names that are near; lists tell what there is",
    "withdrawn": "take another version: the detail says why this one was withdrawn",
    "method-not-allowed": "use GET or HEAD; what is built is changed by a commit to the manifests",
    "invalid-request": "look at errors, which names each parameter and what is wrong with it",
    "no-such-part": "ask for the size with HEAD, or for the whole file without Range",
    "too-slow": "send the request again, at once and whole",
    "address-too-long": "use fewer or shorter parameters",
    "headers-too-large": "send fewer or smaller headers; cookies are never needed here",
    "malformed": "look whether what speaks to the server speaks HTTP, and TLS only where a proxy ends it",
    "wrong-host": "use the address that the server printed when it started; for any other name, the operator sets "
    "WOMBAT_PUBLIC_URL (open to everybody) or adds it to WOMBAT_ALLOWED_HOSTS",
    "too-many-requests": "wait as long as Retry-After says; RateLimit tells how much is left, ETags make asking cheap",
    "busy": "try again after Retry-After; close streams that nobody reads",
    "timed-out": "try again; if it stays so, the status page tells whether the broker is well",
    "too-large": "only webhooks have a body: look at what the git host sends",
    "not-authentic": "set the same secret on the git host and in the list of sources",
    "refused": "change the request as the detail and the hint say",
    "internal": "tell whoever runs this server the request id: its log has the cause",
    "bad-request": "compare the request with the description of the API",
    "not-ready": "try again in some seconds; the status says what is missing",
    "unreachable": "try again; if it stays so, the broker is away and the status page says since when",
    "disk-failed": "try again after Retry-After; if it stays so, tell whoever runs this server that its disk is full",
    "corrupt-data": "do not use what you have of this file; the scrubber has it built again",
}
"""What to do, by the kind's code."""
