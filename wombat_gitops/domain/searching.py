"""How well a name or a text fits what somebody typed.

Both are folded first: lower case, words apart where people write `_`, `-`, `/`, `.` or a camel's hump. So `kafka franz`
finds `kafka_franz`, and `KafkaFranz` and `kafkafranz` do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_APART: Final = re.compile(r"[\W_]+")
_NEAR: Final = 0.6
_LONGEST: Final = 128
"""Characters of what was typed that are compared with names; comparing costs their product."""


class Rank(IntEnum):
    """How well something fits; the smaller the better."""

    EXACT = 0  # its name
    PREFIX = 1  # the beginning of its name
    WORD = 2  # whole words of its name
    BEGINNING = 3  # beginnings of words of its name
    PART = 4  # parts of its name
    TEXT = 5  # words of what is told about it


@dataclass(frozen=True, slots=True)
class Text:
    """Something that can be found, folded. Made by `text_of`.

    Attributes:
        name: its words, a blank around each.
        joined: its words without blanks.
        words: of what is told about it.
    """

    name: str
    joined: str
    words: frozenset[str]


def fold(text: str) -> str:
    """The words of *text* in lower case with one blank between them; humps are not looked at."""
    return " ".join(_APART.sub(" ", text).lower().split())


def spread(text: str) -> str:
    """The words of *text* as `fold` gives them, with those in camel case parted."""
    return fold(_HUMP.sub(" ", text))


def text_of(name: str, *others: str) -> Text:
    """What is found by *name* first, and by *others* too."""
    told = frozenset[str]().union(*map(_words, others))
    return Text(f" {' '.join(_both(name))} ", fold(name).replace(" ", ""), told)


def _both(text: str) -> list[str]:
    """The words of *text* as they are written, and those of them that humps part."""
    whole, parted = fold(text), spread(text)
    return (whole if whole == parted else f"{whole} {parted}").split()


@lru_cache(maxsize=16384)
def _words(text: str) -> frozenset[str]:
    """Kept, because many things have the same packages, components and licences."""
    return frozenset(_both(text))


def rank(wanted: str, text: Text) -> Rank | None:
    """How well *text* fits, or None where it does not.

    Args:
        wanted: what was typed, folded, with at least one word; every word has to be found.
    """
    words = wanted.split()
    if all(word in text.joined for word in words):
        return rank_of_name(words, text)
    found = all(word in text.joined or any(each.startswith(word) for each in text.words) for word in words)
    return Rank.TEXT if found else None


def rank_of_name(words: Sequence[str], text: Text) -> Rank:
    """How well a name fits of which all *words* are parts."""
    joined = "".join(words)
    if text.joined.startswith(joined):
        return Rank.EXACT if len(text.joined) == len(joined) else Rank.PREFIX
    if all(f" {word} " in text.name for word in words):
        return Rank.WORD
    if all(f" {word}" in text.name for word in words):
        return Rank.BEGINNING
    return Rank.PART


def nearest(typed: str, names: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """Names that were probably meant, the likeliest first."""
    wanted = fold(typed).replace(" ", "")[:_LONGEST]
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(fold(name).replace(" ", ""), name)
    return tuple(folded[each] for each in get_close_matches(wanted, folded, n=count, cutoff=_NEAR))
