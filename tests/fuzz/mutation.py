"""Makes bytes out of others: pieces cut, doubled, moved, swapped between examples, and words that matter put in."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

_MARKS: Final = """
{ } [ ] , : - ? | > |2- >+ # ' " \\ % @ ` = ( ) / // :: => ../ \\u0085 \\0 &a *a !!str <<:
null ~ true yes 1.20 0x1F 1e3 012 2026-01-31 12:30:45 .inf latest v0.0.0 h1: %zz %00 ${x} $(x)
name: version: packages: modules: tests: config: exclusions: replaces: with: require replace
https:// file:// ext:: ::error:: ä 日本 é \x85 \u2028 \u200b \u202e \ufeff \0
"""
WORDS: Final = (
    *(f"{word}{end}".encode() for word in _MARKS.split() for end in ("", " ")),
    *(b"\n", b"\n\n", b"\r\n", b"\r", b"\t", b" ", b"  ", b"---\n", b"...\n", b"%YAML 1.1\n", b" # c", b"|\n", b">\n"),
    *(b"// indirect", b"\\\n", b"9" * 30, b"a" * 70, b"\xff", b"\xc0\x80", b"\xed\xa0\x80"),
)
"""What YAML, go.mod, URLs and terminals treat in ways of their own."""


class Mutator:
    """Changes examples at random; the same seed makes the same changes."""

    def __init__(self, seed: int, examples: Sequence[bytes]) -> None:
        self._random = random.Random(seed)
        self._examples = examples or (b"",)

    def next(self) -> bytes:
        """An example, changed a little or much."""
        return self.change(self._random.choice(self._examples))

    def change(self, data: bytes) -> bytes:
        """*data* with some changes."""
        for _ in range(self._random.choice((1, 1, 2, 3, 8))):
            data = self._once(data)
        return data

    def _once(self, data: bytes) -> bytes:
        pick = self._random
        start = pick.randint(0, len(data))
        end = min(len(data), start + pick.choice((1, 2, 8, 40)))
        match pick.randrange(7):
            case 0:
                new = b""
            case 1:
                new = data[start:end] * pick.choice((2, 3, 50))
            case 2 | 3:
                new, end = pick.choice(WORDS), pick.choice((start, end))
            case 4:
                other = pick.choice(self._examples)
                cut = pick.randint(0, len(other))
                new = other[cut : cut + pick.choice((20, 200))]
            case 5:
                new, end = bytes([pick.randrange(256)]), start + 1
            case _:
                return self._lines(data)
        return data[:start] + new + data[end:]

    def _lines(self, data: bytes) -> bytes:
        """Whole lines moved, dropped, doubled or indented."""
        pick = self._random
        lines = data.split(b"\n")
        first, second = pick.randrange(len(lines)), pick.randrange(len(lines))
        match pick.randrange(5):
            case 0:
                lines[first], lines[second] = lines[second], lines[first]
            case 1:
                del lines[first]
            case 2:
                lines.insert(second, lines[first])
            case 3:
                lines[first] = b" " * pick.randint(1, 4) + lines[first]
            case _:
                lines[first] = lines[first].lstrip(b" ")
        return b"\n".join(lines)
