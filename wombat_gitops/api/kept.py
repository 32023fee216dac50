"""Whole answers: sent only to those who do not have them, packed, and kept for as long as the catalogue stays as it is.

A page that many people look at is asked for by all of them whenever something changes; it is made once. The catalogue's
version is a part of what is looked for, so nobody who has heard of a change is given what was before it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wombat_gitops.api import encodings
from wombat_gitops.api.answers import keeping_of, matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from wombat_gitops.services.catalog import Catalog

LIMIT: Final = 32 * 1024**2
"""Bytes of all answers that are kept."""

KEPT_SECONDS: Final = 1.0
"""Longest that an answer is kept: the catalogue looks as often for what only time changes."""

SMALLEST: Final = 1024
"""Bytes below which packing makes nothing smaller that is worth it."""

_LARGE: Final = 256 * 1024
"""Bytes from which on others need not wait for the packing: about 1 ms, and a thread may wait for longer than that."""

_OVERHEAD: Final = 2048
"""Bytes that an answer takes beside its bodies."""

_TEXTS: Final = (
    b"application/json",
    b"application/schema+json",
    b"application/yaml",
    b"application/xml",
    b"application/atom",
    b"text/",
    b"image/svg",
)

_Head = list[tuple[bytes, bytes]]
_Key = tuple[str, bytes]


@dataclass(slots=True)
class _Answer:
    """A whole answer with status 200: its head, and its body in every encoding that was asked for so far."""

    head: _Head
    body: bytes
    made: float
    route: dict[str, Any]
    counted: int = 0
    bodies: dict[str, bytes] = field(default_factory=dict)
    heads: dict[str, tuple[_Head, bytes]] = field(default_factory=dict)
    packing: dict[str, asyncio.Future[bytes]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return _OVERHEAD + len(self.body) + sum(map(len, self.bodies.values()))

    @property
    def text(self) -> bool:
        return len(self.body) >= SMALLEST and _value(self.head, b"content-type").startswith(_TEXTS)

    async def packed(self, encoding: str) -> bytes:
        if not encoding:
            return self.body
        if encoding not in self.bodies:
            if len(self.body) < _LARGE:
                self.bodies[encoding] = encodings.packed(self.body, encoding)
            else:
                if encoding not in self.packing:
                    packing = asyncio.to_thread(encodings.packed, self.body, encoding)
                    self.packing[encoding] = asyncio.ensure_future(packing)
                # Once for all who wait, also where the first of them goes away.
                self.bodies[encoding] = await asyncio.shield(self.packing[encoding])
        return self.bodies[encoding]

    def take_packed(self, other: _Answer) -> None:
        """Nothing is packed again that is as it was."""
        if other.body == self.body:
            self.bodies, self.packing = other.bodies, other.packing

    def headed(self, encoding: str) -> tuple[_Head, bytes]:
        """The head in one encoding, but for the length; and its entity tag, which is another one in each."""
        if encoding not in self.heads:
            tag = _value(self.head, b"etag")
            head = [(name, value) for name, value in self.head if name not in {b"content-length", b"etag"}]
            if encoding:
                tag = tag[:-1] + b"." + encoding.encode() + b'"'
                head.append((b"content-encoding", encoding.encode()))
            if self.text:
                head.append((b"vary", b"Accept-Encoding"))
            self.heads[encoding] = ([*head, (b"etag", tag)], tag)
        return self.heads[encoding]


class Kept:
    """The layer right before the routes.

    Args:
        monotonic: seconds that only grow.
        limit: bytes of all answers that are kept; those that were asked for longest ago go first.
    """

    def __init__(self, app: ASGIApp, *, catalog: Catalog, monotonic: Callable[[], float], limit: int = LIMIT) -> None:
        self._app = app
        self._catalog = catalog
        self._monotonic = monotonic
        self._limit = limit
        self._answers = OrderedDict[_Key, _Answer]()
        self._version = -1
        self.size = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request from what is kept, or have it answered."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        key = (scope["path"], scope["query_string"])
        answer = self._find(key)
        if answer is None:
            version, made = self._catalog.version, self._monotonic()
            answer = await self._asked(scope, receive, send, made)
            if answer is None:
                return
            if keeping_of(scope):
                self._keep(key, answer, version)
        else:
            scope.update(answer.route)
        await self._send(scope, send, answer)

    def _find(self, key: _Key) -> _Answer | None:
        if self._catalog.version != self._version:
            self._forget()
        answer = self._answers.get(key)
        if answer is None:
            return None
        if self._monotonic() - answer.made >= KEPT_SECONDS:
            return None
        self._answers.move_to_end(key)
        return answer

    def _keep(self, key: _Key, answer: _Answer, version: int) -> None:
        """Keep what was made from *version*, unless that is the past by now."""
        if self._catalog.version != version:
            return
        if self._version != version:
            self._forget()
        before = self._drop(key)
        if before is not None:
            answer.take_packed(before)
        self._answers[key] = answer
        self._count(answer)

    def _count(self, answer: _Answer) -> None:
        """Note how large an answer that is kept is by now, and make room."""
        self.size += answer.size - answer.counted
        answer.counted = answer.size
        while self.size > self._limit:
            self._drop(next(iter(self._answers)))

    def _drop(self, key: _Key) -> _Answer | None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self.size -= answer.counted
        return answer

    def _forget(self) -> None:
        self._answers.clear()
        self.size = 0
        self._version = self._catalog.version

    async def _asked(self, scope: Scope, receive: Receive, send: Send, made: float) -> _Answer | None:
        """The answer of the routes; None where it is not a whole one, and was sent."""
        head: _Head = []
        body: list[bytes] = []
        whole = False

        async def collecting_send(message: Message) -> None:
            nonlocal whole, head
            if message["type"] == "http.response.start":
                whole = message["status"] == 200 and keeping_of(scope) is not None  # noqa: PLR2004 - as HTTP says
                head = list(message.get("headers", ()))
            elif whole:
                body.append(message.get("body", b""))
            if not whole:
                await send(message)

        await self._app(scope, receive, collecting_send)
        if not whole:
            return None
        route = {name: scope[name] for name in ("route", "path_params") if name in scope}
        return _Answer(head, b"".join(body), made, route)

    async def _send(self, scope: Scope, send: Send, answer: _Answer) -> None:
        given = dict(scope["headers"])
        encoding = encodings.chosen(given.get(b"accept-encoding", b"").decode("latin-1")) if answer.text else ""
        head, tag = answer.headed(encoding)
        known = given.get(b"if-none-match")
        if known is not None and matches(known.decode("latin-1"), tag.decode()):
            unsent = {b"content-type", b"content-encoding"}
            head = [(name, value) for name, value in head if name not in unsent]
            await send({"type": "http.response.start", "status": 304, "headers": head})
            await send({"type": "http.response.body", "body": b""})
            return
        body = await answer.packed(encoding)
        if self._answers.get((scope["path"], scope["query_string"])) is answer:
            self._count(answer)
        head = [*head, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})


def _value(head: _Head, name: bytes) -> bytes:
    return next((value for known, value in head if known == name), b"")
