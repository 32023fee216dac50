"""Numbered lines of a text in a file: any range and any match, without the whole of it in memory."""

from __future__ import annotations

import os
import re
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

STRIDE: Final = 100
"""Lines between two that an index has the place of."""

MAX_BYTES: Final = 1024 * 1024
"""Text that one range gives; a range of very long lines is shorter than was asked for."""

MAX_COUNTED: Final = 10_000
"""Matches that are counted at most."""

MAX_TEXT: Final = 500
"""Characters that are shown of a line that matches."""

_BLOCK: Final = 256 * 1024
_ESCAPE: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class LineIndex:
    """Where lines begin; only a line feed ends one, and the last one needs none."""

    def __init__(self) -> None:
        self._starts = array("Q", [0])
        self._ended = 0
        self._open = False
        self.size = 0

    @classmethod
    def of(cls, descriptor: int) -> LineIndex:
        """The index of a whole file; reads it once."""
        index = cls()
        while data := os.pread(descriptor, _BLOCK, index.size):
            index.add(data)
        return index

    def add(self, data: bytes) -> None:
        """More text comes at the end."""
        if not data:
            return
        place = data.find(b"\n")
        while place >= 0:
            self._ended += 1
            if self._ended % STRIDE == 0:
                self._starts.append(self.size + place + 1)
            place = data.find(b"\n", place + 1)
        self.size += len(data)
        self._open = not data.endswith(b"\n")

    @property
    def count(self) -> int:
        """Lines so far."""
        return self._ended + self._open

    def before(self, line: int) -> tuple[int, int]:
        """A place at or before *line* (from 1), and how many lines are between them."""
        at = min((line - 1) // STRIDE, len(self._starts) - 1)
        return self._starts[at], line - 1 - at * STRIDE


@dataclass(frozen=True, slots=True)
class Match:
    """A line that holds what was looked for; of a long one the part around it."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Matches:
    """What a search found.

    Attributes:
        total: lines that match, counted up to `MAX_COUNTED`.
        bounded: there may be more than were counted.
        more: lines behind the last item match too.
        searched: lines that were looked at, as many as there were.
    """

    items: tuple[Match, ...]
    total: int
    bounded: bool
    more: bool
    searched: int


def read_range(descriptor: int, index: LineIndex, first: int, limit: int) -> list[str]:
    """At most *limit* lines from number *first* (from 1), and at most about `MAX_BYTES` of them."""
    end, count = index.size, max(0, min(limit, index.count - first + 1))
    if not count:
        return []
    place, skip = index.before(first)
    lines: list[bytes] = []
    taken = 0
    for data in _blocks(descriptor, place, end):
        taken += 0 if skip else len(data)
        found = data.split(b"\n")
        lines += found if found[-1] else found[:-1]
        if skip:
            skipped = min(skip, len(lines))
            del lines[:skipped]
            skip -= skipped
        if len(lines) >= count or taken > MAX_BYTES:
            break
    return [line.decode("utf-8", "replace") for line in _bounded(lines[:count])]


def last_lines(descriptor: int, index: LineIndex, count: int) -> bytes:
    """The last *count* lines, each with its line feed."""
    place, skip = index.before(max(1, index.count - count + 1))
    kept: list[bytes] = []
    for data in _blocks(descriptor, place, index.size):
        start = 0
        while skip and start < len(data):
            start = data.find(b"\n", start) + 1 or len(data)
            skip -= 1
        kept.append(data[start:])
    text = b"".join(kept)
    return text if text.endswith(b"\n") or not text else text + b"\n"


def search(descriptor: int, index: LineIndex, wanted: str, *, after: int, limit: int) -> Matches:
    """Lines that hold *wanted*, whatever their case, without the colours of terminals."""
    end, searched = index.size, index.count
    items: list[Match] = []
    total, passed, more = 0, 0, False
    needle = wanted.lower()
    for data in _blocks(descriptor, 0, end):
        text = data.decode("utf-8", "replace")
        if "\x1b" in text:
            text = _ESCAPE.sub("", text)
        lowered = text.lower()
        lines: list[str] | None = None
        for number in _matching(lowered, needle):
            total += 1
            if passed + number <= after:
                continue
            if len(items) == limit:
                more = True
                continue
            lines = text.split("\n") if lines is None else lines
            items.append(Match(passed + number, _around(lines[number - 1], needle)))
        passed += lowered.count("\n")
        if total > MAX_COUNTED and more:
            break
    return Matches(tuple(items), min(total, MAX_COUNTED), total > MAX_COUNTED, more, searched)


def _matching(text: str, needle: str) -> Iterator[int]:
    """Numbers of the lines of *text*, from 1, that hold *needle*; each once."""
    number, counted = 1, 0
    found = text.find(needle)
    while found >= 0:
        number += text.count("\n", counted, found)
        yield number
        ends = text.find("\n", found)
        if ends < 0:
            return
        counted = ends
        found = text.find(needle, ends + 1)


def _around(line: str, needle: str) -> str:
    start = max(0, line.lower().find(needle) - MAX_TEXT // 4) if len(line) > MAX_TEXT else 0
    return line[start : start + MAX_TEXT]


def _blocks(descriptor: int, place: int, end: int) -> Iterator[bytes]:
    """The text from *place* to *end* in blocks of whole lines."""
    rest = b""
    while place < end:
        data = os.pread(descriptor, min(_BLOCK, end - place), place)
        if not data:
            break
        place += len(data)
        data = rest + data
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        if cut:
            yield data[:cut]
    if rest:
        yield rest


def _bounded(lines: list[bytes]) -> list[bytes]:
    size = 0
    for number, line in enumerate(lines):
        size += len(line)
        if size > MAX_BYTES and number:
            return lines[:number]
    return lines
