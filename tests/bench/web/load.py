"""A small client that keeps connections open and many requests in flight; it shares the machine with the server."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass
class Figures:
    """What one round has shown: the time of each answer, seconds, and the sizes of bodies, bytes."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    def percentile(self, share: float) -> float:
        """The time within which *share* of all answers came, milliseconds."""
        ordered = sorted(self.times)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1e3

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.times) / self.seconds


class _Client(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the one before is here."""

    def __init__(self, targets: Iterator[str], figures: Figures, headers: str, until: float) -> None:
        self._targets = targets
        self._figures = figures
        self._headers = headers
        self._until = until
        self._received = bytearray()
        self._wanted = 0
        self._sent = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._wanted:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._received[:end]).lower()
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0]) if b"content-length" in head else 0
            self._figures.statuses.add(int(head[9:12]))
            self._figures.sizes.append(length)
            self._wanted = end + 4 + length
        if len(self._received) >= self._wanted:
            self._received.clear()
            self._wanted = 0
            now = time.perf_counter()
            self._figures.times.append(now - self._sent)
            if now < self._until:
                self._ask()
            else:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def _ask(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(f"GET {next(self._targets)} HTTP/1.1\r\nHost: localhost\r\n{self._headers}\r\n".encode())


async def press(
    host: str, port: int, targets: Iterator[str], *, at_once: int = 50, seconds: float = 3.0, headers: str = ""
) -> Figures:
    """Ask for *targets*, *at_once* at any time, for so long.

    Args:
        headers: more of them, each with its line end.
    """
    figures = Figures()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    clients = []
    for _ in range(at_once):
        _, client = await loop.create_connection(
            lambda: _Client(targets, figures, headers, started + seconds), host, port
        )
        clients.append(client)
    await asyncio.gather(*(client.ended for client in clients))
    figures.seconds = time.perf_counter() - started
    return figures


def spread(values: Sequence[float], form: Callable[[float], str] = "{:.1f}".format) -> str:
    """Median, and both ends."""
    return f"{form(statistics.median(values))} [{form(min(values))}-{form(max(values))}]"


def machine() -> str:
    """How busy the machine is now, for whoever reads the figures."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, which the client uses too"
