"""A small typed client of the HTTP API, on the standard library alone."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import ValidationError

from wombat_gitops import __version__
from wombat_gitops.api.views.base import Problem, View
from wombat_gitops.domain.errors import (
    CorruptData,
    InternalError,
    NotFound,
    Refused,
    Unreachable,
    UserError,
    WombatError,
)

V = TypeVar("V", bound=View)

TIMEOUT_SECONDS: Final = 15.0
"""Longest silence of the server, also between two events of a stream: it sends a sign of life more often."""

_STREAM_SILENCE_SECONDS: Final = 45.0
_LARGEST_ANSWER: Final = 64 * 1024 * 1024
_BLOCK: Final = 256 * 1024
_GONE: Final = 410
_SERVER: Final = 500
_BUSY: Final = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Event:
    """A server-sent event."""

    kind: str
    data: str
    id: str


@dataclass(frozen=True, slots=True)
class Body:
    """The beginning of an answer whose bytes are still to come; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    blocks: Iterator[bytes]


class ApiClient:
    """Reads from one server.

    Every method raises `Unreachable` where the server does not answer, `NotFound` for what is not
    or no longer there, `Refused` where it does not let us, and `UserError` or `InternalError` for
    the rest of the problems it reports.

    Args:
        address: base URL, `http://127.0.0.1:8080`.
        seconds: longest silence of the server.
    """

    def __init__(self, address: str, *, seconds: float = TIMEOUT_SECONDS) -> None:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            msg = f"`{address}` is not the address of a server"
            raise UserError(msg, hint="write it as `http://host:port`")
        self.address = address.rstrip("/")
        self._seconds = seconds
        handlers = [urllib.request.ProxyHandler({})] if _is_here(parts.hostname) else []
        self._opener = urllib.request.build_opener(*handlers)

    def get(self, path: str, kind: type[V], query: Mapping[str, str | int] | None = None) -> V:
        """The JSON at *path* as a value."""
        with self.open(path, query, headers={"Accept": "application/json"}) as body:
            data = _whole(body, self.address)
        try:
            return kind.model_validate_json(data)
        except ValidationError as error:
            msg = f"`{self.address}` answers something that is not a {kind.__name__}"
            raise CorruptData(msg, hint="is it the API of Wombat GitOps, of this version?") from error

    @contextmanager
    def open(
        self, path: str, query: Mapping[str, str | int] | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[Body]:
        """Ask for *path* and read what comes by blocks."""
        with self._opened(path, query, headers or {}, self._seconds) as response:
            yield Body(
                response.status,
                {name.lower(): value for name, value in response.headers.items()},
                self._blocks(response),
            )

    def events(self, path: str, *, after: str = "", query: Mapping[str, str | int] | None = None) -> Iterator[Event]:
        """Server-sent events until the server ends the stream.

        Args:
            after: id of the last event that is known; the stream goes on behind it.
        """
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        with self._opened(path, query, headers, max(self._seconds, _STREAM_SILENCE_SECONDS)) as response:
            yield from _events(self._lines(response))

    @contextmanager
    def _opened(
        self, path: str, query: Mapping[str, str | int] | None, headers: Mapping[str, str], seconds: float
    ) -> Iterator[http.client.HTTPResponse]:
        url = urllib.parse.urljoin(f"{self.address}/", path)
        if query:
            url += f"{'&' if '?' in url else '?'}{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(url, headers={"User-Agent": f"wombat/{__version__}", **headers})  # noqa: S310 - the scheme was checked
        try:
            response = self._opener.open(request, timeout=seconds)
        except urllib.error.HTTPError as error:
            with error:
                raise _problem(error, path) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        with contextlib.closing(response):
            yield response

    def _blocks(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        try:
            while block := response.read1(_BLOCK):
                yield block
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def _lines(self, response: http.client.HTTPResponse) -> Iterator[str]:
        try:
            while line := response.readline():
                yield line.decode("utf-8", "replace").rstrip("\r\n")
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> Unreachable:
        cause = getattr(error, "reason", error)
        words = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        return Unreachable(
            f"`{self.address}` does not answer: {words.lower()}",
            hint="is it the right address (`wombat --server URL …`), and is `wombat up` or `wombat api` running there?",
        )


def _is_here(host: str) -> bool:
    """Whether *host* is this machine, which no proxy can reach for us."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _whole(body: Body, address: str) -> bytes:
    data = bytearray()
    for block in body.blocks:
        data += block
        if len(data) > _LARGEST_ANSWER:
            msg = f"`{address}` sends more than {_LARGEST_ANSWER} bytes"
            raise CorruptData(msg)
    return bytes(data)


def _problem(error: urllib.error.HTTPError, path: str) -> WombatError:
    message, hint = f"the server answers {error.code} for `{path}`", ""
    with contextlib.suppress(ValidationError, OSError, http.client.HTTPException):
        problem = Problem.model_validate_json(error.read(1 << 20))
        details = [f"`{each.parameter}`: {each.detail}" for each in problem.errors]
        message, hint = ", ".join([problem.detail or problem.title, *details]), problem.hint
    return _kind(error.code)(message, hint=hint)


def _kind(status: int) -> type[WombatError]:
    if status in {http.HTTPStatus.NOT_FOUND, _GONE}:
        return NotFound
    if status in {http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN}:
        return Refused
    if status in _BUSY:
        return Unreachable
    return InternalError if status >= _SERVER else UserError


def _events(lines: Iterator[str]) -> Iterator[Event]:
    """Events of a stream of lines, as the HTML standard (9.2.6) reads them."""
    kind, identity, data = "", "", list[str]()
    for line in lines:
        if not line:
            if data:
                yield Event(kind or "message", "\n".join(data), identity)
            kind, data = "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                kind = value
            case "data":
                data.append(value)
            case "id":
                identity = value
            case _:
                continue
