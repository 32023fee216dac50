"""What programs print, while they do and afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Some whole lines of a log.

    Attributes:
        sequence: grows within one log; reading can go on behind it.
        text: complete lines with their line ends; may be "" in the chunk that ends the log.
        end: nothing comes behind this chunk.
    """

    sequence: int
    text: str
    end: bool = False


class LogStream(Protocol):
    """Live logs of attempts."""

    async def append(self, build: str, attempt: int, index: int, text: str, *, end: bool = False) -> None:
        """Publish the *index*-th chunk of an attempt's log, counting from 0; sending it twice is harmless."""
        ...

    def read(self, build: str, attempt: int, *, after: int = 0, follow: bool = False) -> AsyncIterator[LogChunk]:
        """Chunks behind sequence *after*; with *follow* wait for more until the end chunk came."""
        ...


class Output(Protocol):
    """Takes a build's output as it comes: bytes, cut anywhere."""

    async def write(self, data: bytes) -> None:
        """Take some output; may wait, so that a slow reader slows the writer and loses nothing."""
        ...
