"""`ports.Store` on a KV bucket, readable by every stock client."""

from __future__ import annotations

import secrets
import zlib
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from wombat_gitops.adapters.nats.bucket import TOMBSTONE, Bucket, is_tombstone
from wombat_gitops.adapters.nats.follow import RESYNC_SECONDS, Follower
from wombat_gitops.adapters.nats.infrastructure import MAX_VALUE
from wombat_gitops.adapters.nats.retrying import PATIENCE
from wombat_gitops.domain import messages
from wombat_gitops.domain.errors import CorruptData, CorruptEntry, DoesNotFit
from wombat_gitops.ports import Corrupt, Put, Removed, Reset, Synced, Versioned

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.adapters.nats.jetstream import Message
    from wombat_gitops.ports import Change

T = TypeVar("T")

_MAX_TEXT: Final = 16 << 20
_OVERHEAD: Final = 1024
"""Bytes that subject and headers may need of the largest value."""


class NatsStore(Generic[T]):
    """`ports.Store` of values of one kind in a KV bucket.

    Args:
        prefix: beginning of the keys that this object follows, ending in a dot, where a bucket holds
            values of several kinds.
        compress: store with zlib, for long texts.
        seconds: how long a method tries before it raises `Unreachable`.
        resync: seconds between two looks of a follower that hears nothing.
        lifetime: whole seconds after which the broker forgets what `put` has written, unless it is put again; 0: never.
            Nobody is told, so it is housekeeping: nothing may be concluded from a key that is gone.
    """

    def __init__(
        self,
        connection: Connection,
        bucket: str,
        kind: type[T],
        *,
        prefix: str = "",
        compress: bool = False,
        seconds: float = PATIENCE,
        resync: float = RESYNC_SECONDS,
        lifetime: int = 0,
    ) -> None:
        self._connection = connection
        self._bucket = Bucket(connection, bucket, seconds)
        self._kind = kind
        self._prefix = prefix
        self._compress = compress
        self._resync = resync
        self._put_headers = {"Nats-TTL": f"{lifetime}s"} if lifetime else {}
        self._known: dict[str, int] = {}

    async def create(self, key: str, value: T) -> Versioned[T] | None:
        """Store a new key, or return None where it exists."""
        payload, expected, token = self._encode(value), 0, _new_token()
        while True:
            written, found = await self._bucket.write(key, payload, expected, token)
            if written:
                return Versioned(key, value, written)
            if found is not None and not is_tombstone(found):
                return None
            expected = found.sequence if found is not None else 0

    async def replace(self, current: Versioned[T], value: T) -> Versioned[T] | None:
        """Write over exactly *current*, or return None where somebody wrote in between."""
        written, _ = await self._bucket.write(current.key, self._encode(value), current.revision, _new_token())
        return Versioned(current.key, value, written) if written else None

    async def put(self, key: str, value: T) -> Versioned[T]:
        """Write whatever is there.

        Compare-and-set all the same: a try whose answer was lost must not land behind a later value.
        """
        payload, token = self._encode(value), _new_token()
        expected = self._known.get(key, 0)
        while True:
            written, found = await self._bucket.write(key, payload, expected, token, self._put_headers)
            if written:
                self._known[key] = written
                return Versioned(key, value, written)
            expected = found.sequence if found is not None else 0

    async def get(self, key: str) -> Versioned[T] | None:
        """The newest value, or None. Raises `CorruptEntry` where the bytes are not a value."""
        found = await self._bucket.newest(key)
        if found is None or is_tombstone(found):
            return None
        try:
            return Versioned(key, self._decode(found.data), found.sequence)
        except CorruptData as error:
            raise CorruptEntry(error.message, key=key, revision=found.sequence, hint=error.hint) from error

    async def remove(self, key: str) -> None:
        """Make the key go away; no error where it is not there."""
        token = _new_token()
        self._known.pop(key, None)
        while True:
            found = await self._bucket.newest(key)
            if found is None or is_tombstone(found):
                return
            written, _ = await self._bucket.write(key, b"", found.sequence, token, TOMBSTONE)
            if written:
                return

    async def discard(self, current: Versioned[T] | CorruptEntry) -> bool:
        """Remove exactly *current*, or return False where somebody wrote in between or it is gone."""
        self._known.pop(current.key, None)
        written, _ = await self._bucket.write(current.key, b"", current.revision, _new_token(), TOMBSTONE)
        return bool(written)

    async def keys(self) -> list[str]:
        """Every key, without reading the values; such that were removed lately may be among them."""
        return await self._bucket.keys(self._prefix)

    async def follow(self) -> AsyncIterator[Change[T]]:
        """All entries, `Synced`, then every change; see `ports.Store.follow`."""
        follower = Follower(
            self._connection,
            self._bucket.stream,
            f"$KV.{self._bucket.name}.{self._prefix}>",
            f"ev.{self._bucket.name}.{self._prefix}>",
            resync=self._resync,
        )
        async for look in follower.looks():
            if look.reset:
                self._known.clear()
                yield Reset()
            for message in look.messages:
                yield self._change(message)
            if look.whole:
                yield Synced()

    def _change(self, message: Message) -> Put[T] | Removed | Corrupt:
        key = self._bucket.key(message)
        if is_tombstone(message):
            return Removed(key, message.sequence)
        try:
            return Put(Versioned(key, self._decode(message.data), message.sequence))
        except CorruptData as error:
            return Corrupt(key, message.sequence, error.message)

    def _encode(self, value: T) -> bytes:
        plain = messages.encode(value)
        payload = zlib.compress(plain) if self._compress else plain
        most = min(MAX_VALUE, self._connection.max_payload) - _OVERHEAD
        if len(payload) > most or len(plain) > _MAX_TEXT:
            msg = f"{len(payload)} bytes are more than a value in `{self._bucket.name}` may have: {most}"
            hint = "raise `max_payload` in the broker's configuration" if most < MAX_VALUE - _OVERHEAD else ""
            raise DoesNotFit(msg, hint=hint)
        return payload

    def _decode(self, data: bytes) -> T:
        if self._compress:
            try:
                data = zlib.decompressobj().decompress(data, _MAX_TEXT)
            except zlib.error as error:
                msg = f"a value in `{self._bucket.name}` is not compressed text"
                raise CorruptData(msg) from error
        return messages.decode(self._kind, data)


def _new_token() -> str:
    return secrets.token_hex(12)
