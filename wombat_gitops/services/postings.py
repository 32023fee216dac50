"""Which of many things have which values, as sets of bits.

Every thing has a bit, every value of every field the bits of the things that have it. Any combination of filters is
a few `&`, and what a value would leave is counted without looking at a single thing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

Values = Mapping[str, frozenset[str]]
"""What one thing has, by field."""

Facets = dict[str, tuple[tuple[str, int], ...]]
"""Values of each field with how many things have them, most first."""

MOST_VALUES: Final = 50
"""Values of one field that lists tell; the most frequent ones."""

_NOTHING: Final[Values] = {}


class Postings:
    """Things by their keys, found by their values. Sets of things are integers: bit *n* stands for slot *n*."""

    def __init__(self) -> None:
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._values: dict[str, Values] = {}
        self._bits: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.all = 0

    def put(self, key: str, values: Values) -> None:
        """A new thing, or what a known one has now."""
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = self._free.pop() if self._free else len(self._slots)
            self.all |= 1 << slot
        self._move(slot, self._values.get(key, _NOTHING), values)
        self._values[key] = values

    def remove(self, key: str) -> None:
        """Forget a thing; nothing happens where it is not known."""
        slot = self._slots.pop(key, None)
        if slot is None:
            return
        self._move(slot, self._values.pop(key), _NOTHING)
        self._free.append(slot)
        self.all &= ~(1 << slot)

    def having(self, field: str, value: str) -> int:
        """The things that have *value*."""
        return self._bits[field].get(value, 0)

    def values(self, field: str) -> list[str]:
        """Every value of *field* that something has."""
        return list(self._bits[field])

    def keys(self, bits: int) -> list[str]:
        """The keys of *bits*."""
        digits = f"{bits:b}"[::-1]
        return [key for key, slot in self._slots.items() if slot < len(digits) and digits[slot] == "1"]

    def only(self, keys: Iterable[str]) -> int:
        """These things."""
        bits = 0
        for key in keys:
            bits |= 1 << self._slots[key]
        return bits

    def has(self, bits: int, key: str) -> bool:
        """Whether a thing is among *bits*."""
        return bool(bits >> self._slots[key] & 1)

    def counts(self, field: str, among: int) -> list[tuple[str, int]]:
        """How many of *among* have each value of *field*, most first; values that none has are left out."""
        found = ((value, (bits & among).bit_count()) for value, bits in self._bits[field].items())
        return sorted((pair for pair in found if pair[1]), key=lambda pair: (-pair[1], pair[0]))

    def all_of(self, filters: Mapping[str, int]) -> int:
        """The things that pass every filter."""
        bits = self.all
        for each in filters.values():
            bits &= each
        return bits

    def facets(self, fields: Iterable[str], filters: Mapping[str, int], among: int) -> Facets:
        """What each further filter would leave: `MOST_VALUES` of each field, counted over the other filters.

        Args:
            filters: those that are set, by field.
            among: what is counted at all.
        """
        facets = {}
        for field in fields:
            others = self.all_of({name: bits for name, bits in filters.items() if name != field})
            facets[field] = tuple(self.counts(field, others & among)[:MOST_VALUES])
        return facets

    def _move(self, slot: int, old: Values, new: Values) -> None:
        bit = 1 << slot
        for field in {*old, *new}:
            had, has = old.get(field, frozenset()), new.get(field, frozenset())
            bits = self._bits[field]
            for value in had - has:
                left = bits[value] & ~bit
                if left:
                    bits[value] = left
                else:
                    del bits[value]
            for value in has - had:
                bits[value] = bits.get(value, 0) | bit
