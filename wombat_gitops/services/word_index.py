"""Things found by words as `domain.searching.rank` says, without a look at the words of each.

Every distinct word has the set of things that have it, and words are in order: those that begin with what was typed
stand beside each other.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from wombat_gitops.domain.searching import Rank, Text, rank_of_name
from wombat_gitops.services.postings import Postings

_WORD: Final = "word"
_LAST: Final = "\U0010ffff"


class WordIndex:
    """Texts by the keys of what they tell about."""

    def __init__(self) -> None:
        self._texts: dict[str, Text] = {}
        self._postings = Postings()
        self._order: list[str] | None = []

    def put(self, key: str, text: Text) -> None:
        """A new text, or the new one of a known thing."""
        old = self._texts.get(key)
        self._texts[key] = text
        if old is None or old.words != text.words:
            self._postings.put(key, {_WORD: text.words})
            self._order = None

    def remove(self, key: str) -> None:
        """Forget a text; nothing happens where it is not known."""
        if self._texts.pop(key, None) is not None:
            self._postings.remove(key)
            self._order = None

    def ranks(self, wanted: str) -> dict[str, Rank]:
        """How well each thing fits that does.

        Args:
            wanted: what was typed, folded; without a word nothing fits.
        """
        words = wanted.split()
        if not words:
            return {}
        parts = [{key for key, text in self._texts.items() if word in text.joined} for word in words]
        found = {key: rank_of_name(words, self._texts[key]) for key in set.intersection(*parts)}
        bits = self._postings.all
        for word, holding in zip(words, parts, strict=True):
            bits &= self._beginning(word) | self._postings.only(holding)
        return {**dict.fromkeys(self._postings.keys(bits), Rank.TEXT), **found}

    def _beginning(self, start: str) -> int:
        """The things that have a word which begins with *start*."""
        if self._order is None:
            self._order = sorted(self._postings.values(_WORD))
        bits = 0
        for word in self._order[bisect_left(self._order, start) : bisect_left(self._order, start + _LAST)]:
            bits |= self._postings.having(_WORD, word)
        return bits
