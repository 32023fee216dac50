"""How much the API does: at once, for one client, and for how long."""

from __future__ import annotations

import contextlib
import math
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.api.problems import Busy, TooMany

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REMEMBERED: Final = 10_000
"""Clients whose requests are counted at most; the one that asked longest ago is forgotten first."""

BURST_SECONDS: Final = 10.0
"""For so long a client may save up requests that it does not make."""

_AGAIN_SECONDS: Final = 5.0

_SHARE_OF_FREE: Final = 2
"""A client may have this many times what is free. More clients then leave less free, but a few never leave nothing."""


def share(limit: int, taken: int, each: int) -> int:
    """How many places one client may have while *taken* of *limit* are in use: *each*, and fewer when few are free.

    Without this, `limit / each` addresses could use up everything. Five clients that take all they can leave 1/11 of
    *limit* free, fifty leave 1/101; a client that has nothing always gets one of what is left (the dynamic threshold
    by which switches share a buffer).
    """
    return min(each, _SHARE_OF_FREE * (limit - taken))


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the API does.

    Attributes:
        streams: open event streams.
        downloads: files being sent.
        client_streams: the same for one client at most (see `share`); several people may share its address.
        client_downloads: the same for one client at most.
        rate: requests a second that one client may go on with; 0 for any number.
        connections: open connections.
        client_connections: the same at most for one client that is no trusted proxy.
        path_bytes: longest path of a request.
        query_bytes: longest query of a request.
        header_bytes: all headers of a request together.
        headers: number of headers of a request.
        head_seconds: a request's line and headers have to come within.
        body_seconds: a message has to come within, once its headers are here.
        idle_seconds: a connection may be silent between two requests.
        answer_seconds: an answer has to begin within; files and logs have their own bounds.
        event_seconds: shortest time between two hints on one stream.
        wait_seconds: longest wait for the log stream or the record of a build to say something.
        stall_seconds: a reader that takes nothing for so long is disconnected.
    """

    streams: int = 500
    downloads: int = 200
    client_streams: int = 100
    client_downloads: int = 50
    rate: float = 50.0
    connections: int = 1000
    client_connections: int = 200
    path_bytes: int = 2048
    query_bytes: int = 4096
    header_bytes: int = 16 * 1024
    headers: int = 100
    head_seconds: float = 10.0
    body_seconds: float = 10.0
    idle_seconds: int = 5
    answer_seconds: float = 20.0
    event_seconds: float = 0.25
    wait_seconds: float = 10.0
    stall_seconds: float = 60.0


class Slots:
    """A bounded number of places for things that stay open, and of those that one client has (see `share`)."""

    def __init__(self, limit: int, what: str, *, each: int | None = None) -> None:
        self._limit = limit
        self._each = limit if each is None else each
        self._what = what
        self._clients = Counter[str]()
        self.taken = 0

    @contextlib.contextmanager
    def take(self, client: str) -> Iterator[None]:
        """Occupy a place.

        Raises:
            Busy: there is none.
            TooMany: the client has as many as one may have now.
        """
        mine = self._clients.get(client, 0)
        if mine >= self._each or 0 < share(self._limit, self.taken, self._each) <= mine:
            msg = f"{mine} {self._what} of yours are open already"
            raise TooMany(msg, hint="end one of them, or try again a little later", seconds=_AGAIN_SECONDS)
        if self.taken >= self._limit:
            msg = f"{self._limit} {self._what} are open already"
            raise Busy(msg, hint="try again a little later")
        self.taken += 1
        self._clients[client] += 1
        try:
            yield
        finally:
            self.taken -= 1
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]


class Buckets:
    """A token bucket for each client. A client that was forgotten begins with a full one.

    Args:
        rate: tokens that come back each second; 0 counts nothing.
        monotonic: seconds that only grow.
        remembered: clients at most.
    """

    def __init__(self, rate: float, monotonic: Callable[[], float], *, remembered: int = REMEMBERED) -> None:
        self._rate = rate
        self._size = max(1.0, rate * BURST_SECONDS)
        self._monotonic = monotonic
        self._remembered = remembered
        self._buckets = OrderedDict[str, tuple[float, float]]()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, client: str) -> float:
        """Take a token: 0 where there was one, else the seconds until there is, and nothing is taken."""
        if not self._rate:
            return 0.0
        now = self._monotonic()
        tokens = self._left(client, now)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._buckets[client] = (tokens - (0 if wait else 1), now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._remembered:
            self._buckets.popitem(last=False)
        return wait

    def state(self, client: str) -> tuple[int, int]:
        """Tokens that a client has left, and whole seconds until its bucket is full again; takes nothing."""
        tokens = self._left(client, self._monotonic())
        return int(tokens), math.ceil((self._size - tokens) / self._rate) if self._rate else 0

    @property
    def size(self) -> int:
        """Tokens of a full bucket."""
        return int(self._size)

    def _left(self, client: str, now: float) -> float:
        tokens, since = self._buckets.get(client, (self._size, now))
        return min(self._size, tokens + (now - since) * self._rate)
