"""The newest value of every key of one store, kept from its feed."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Generic, TypeVar

from wombat_gitops.ports import Corrupt, Put, Removed, Reset, Versioned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wombat_gitops.ports import Change

T = TypeVar("T")


class Mirror(Generic[T]):
    """What a store held when it was last heard of; it stays readable while the store is away or replaced.

    Args:
        moved: told of every key that changed, with its new value or None where it is gone.
        same: whether two values of one key say the same to whoever reads them; by default if they are equal.
    """

    def __init__(
        self,
        moved: Callable[[str, T | None], None] | None = None,
        *,
        same: Callable[[T, T], bool] = operator.eq,
    ) -> None:
        self._moved = moved
        self._same = same
        self._entries: dict[str, Versioned[T]] = {}
        self._values: dict[str, T] = {}
        self._corrupt: dict[str, Corrupt] = {}
        self._unconfirmed = set[str]()
        self.complete = False

    @property
    def values(self) -> Mapping[str, T]:
        """Every value by its key."""
        return self._values

    @property
    def corrupt(self) -> Mapping[str, Corrupt]:
        """Keys whose bytes cannot be read."""
        return self._corrupt

    def doubt(self) -> None:
        """The store may have changed unseen: the mirror is incomplete until the next `Synced`."""
        self.complete = False

    def apply(self, change: Change[T]) -> bool:
        """Take one change of the feed; say whether anything that can be read is different now."""
        match change:
            case Put(entry):
                return self._put(entry)
            case Corrupt(key, revision, _):
                return self._is_news(key, revision) and self._spoil(change)
            case Removed(key, revision):
                return self._is_news(key, revision) and self._drop(key)
            case Reset():
                self.complete = False
                self._unconfirmed.update(self._entries, self._corrupt)
                return False
            case _:
                changed, self.complete = not self.complete, True
                return self._forget() or changed

    def _put(self, entry: Versioned[T]) -> bool:
        known = self._entries.get(entry.key)
        if not self._is_news(entry.key, entry.revision) or known == entry:
            return False
        was_corrupt = self._corrupt.pop(entry.key, None) is not None
        self._entries[entry.key] = entry
        self._values[entry.key] = entry.value
        if self._moved is not None:
            self._moved(entry.key, entry.value)
        return was_corrupt or known is None or not self._same(known.value, entry.value)

    def _spoil(self, corrupt: Corrupt) -> bool:
        self._drop(corrupt.key)
        self._corrupt[corrupt.key] = corrupt
        return True

    def _drop(self, key: str) -> bool:
        was_corrupt = self._corrupt.pop(key, None) is not None
        if self._entries.pop(key, None) is None:
            return was_corrupt
        del self._values[key]
        if self._moved is not None:
            self._moved(key, None)
        return True

    def _forget(self) -> bool:
        """Drop what the store that took the place of the old one does not have."""
        gone, self._unconfirmed = self._unconfirmed, set()
        for key in gone:
            self._drop(key)
        return bool(gone)

    def _is_news(self, key: str, revision: int) -> bool:
        if key in self._unconfirmed:
            self._unconfirmed.discard(key)
            return True
        known = self._entries.get(key) or self._corrupt.get(key)
        return known is None or revision > known.revision
