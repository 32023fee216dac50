"""Where records and bytes are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from wombat_gitops.domain.errors import CorruptEntry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Versioned(Generic[T]):
    """A stored value and the revision it was written at; revisions of a store only grow."""

    key: str
    value: T
    revision: int


@dataclass(frozen=True, slots=True)
class Put(Generic[T]):
    """A key has this value now."""

    entry: Versioned[T]


@dataclass(frozen=True, slots=True)
class Removed:
    """A key is gone."""

    key: str
    revision: int


@dataclass(frozen=True, slots=True)
class Corrupt:
    """A key holds bytes that are not a value; other keys are not affected."""

    key: str
    revision: int
    message: str


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything that was in the store when it was last asked has been reported.

    Comes once after the first replay and again after every reconnect and every resync.
    """


@dataclass(frozen=True, slots=True)
class Reset:
    """The store was replaced by another one: forget all entries; a replay follows."""


Change = Put[T] | Removed | Corrupt | Synced | Reset


class Store(Protocol[T]):
    """Typed values by key, with compare-and-set and a feed of changes.

    Every method may raise `Unreachable` once its time-out has passed. A write that raises it may or
    may not have happened; `create` and `replace` settle that by themselves as long as the broker
    comes back in time, so that a caller is never told that it lost a race against itself.
    """

    async def create(self, key: str, value: T) -> Versioned[T] | None:
        """Store a new key, or return None where it exists."""
        ...

    async def replace(self, current: Versioned[T], value: T) -> Versioned[T] | None:
        """Write over exactly *current*, or return None where somebody wrote in between."""
        ...

    async def put(self, key: str, value: T) -> Versioned[T]:
        """Write whatever is there: only for values with one writer."""
        ...

    async def get(self, key: str) -> Versioned[T] | None:
        """The newest value, or None. Raises `CorruptEntry` where the bytes are not a value."""
        ...

    async def remove(self, key: str) -> None:
        """Make the key go away; no error where it is not there."""
        ...

    async def discard(self, current: Versioned[T] | CorruptEntry) -> bool:
        """Remove exactly *current*, or return False where somebody wrote in between or it is gone."""
        ...

    async def keys(self) -> Sequence[str]:
        """Every key, without reading the values."""
        ...

    def follow(self) -> AsyncIterator[Change[T]]:
        """All entries, then `Synced`, then every change for as long as the caller listens.

        Survives the loss of the broker: changes made meanwhile are reported after it is back. Of
        several changes of one key between two looks only the last may be seen. Ends when closed.
        """
        ...


class ObjectStore(Protocol):
    """Bytes by their SHA-256. Never overwritten; everything read is verified."""

    async def put(self, path: Path, sha256: str, size: int) -> None:
        """Store a file's bytes under *sha256*; nothing happens where they are there already.

        Raises:
            CorruptData: the file's bytes do not have that digest.
            Unreachable: not stored within the time-out; nothing is visible to readers.
        """
        ...

    async def fetch(self, sha256: str, size: int, target: Path) -> None:
        """Write the object's bytes to *target*, atomically and only when they verify.

        Raises:
            NotFound: there is no such object.
            CorruptData: it is there, and its bytes are not the ones it was stored with.
            Unreachable: it could not be read within the time-out.
        """
        ...

    async def size(self, sha256: str) -> int | None:
        """The size of an object in bytes, or None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class HeldObject:
    """An object as its store keeps it.

    Attributes:
        stored_at: when it was stored or last asked to be, by the clock of who stored it; None where that is not known.
        revision: another one each time that it is stored, or asked to be.
        leftover: it is not there for readers any more, and something of it still takes room.
    """

    sha256: str
    size: int
    stored_at: datetime | None
    revision: int
    leftover: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """Parts of an object that nobody has published: an upload that is under way, or one that was broken off.

    Attributes:
        parts: how many there are; grows while the upload goes on.
    """

    id: str
    parts: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything that takes room in an object store.

    Attributes:
        unreadable: names of objects of which the store cannot tell what belongs to them.
    """

    objects: tuple[HeldObject, ...]
    uploads: tuple[Upload, ...]
    unreadable: tuple[str, ...] = ()


class ObjectKeeper(Protocol):
    """Looks after the objects of an `ObjectStore`; the role that publishes objects alone may have it.

    Every method raises `Unreachable` where the store does not answer in time.
    """

    async def holdings(self) -> Holdings:
        """What there is."""
        ...

    async def find(self, sha256: str) -> HeldObject | None:
        """One object, or None where there is none that can be read."""
        ...

    async def verify(self, held: HeldObject, pace: Callable[[int], Awaitable[None]]) -> bool:
        """Read all bytes of an object; False where they are not the ones of its name, or not all there.

        Args:
            pace: awaited after every part that was read, with its size in bytes.
        """
        ...

    async def delete(self, held: HeldObject) -> bool:
        """Remove exactly *held*; False, and nothing is done, where it was stored again meanwhile.

        An end halfway leaves it hidden from readers, as a `leftover`; deleting that again goes on.
        """
        ...

    async def discard(self, uploads: Sequence[Upload]) -> int:
        """Remove uploads and return how many went; those that were published meanwhile stay."""
        ...
