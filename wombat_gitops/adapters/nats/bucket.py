"""The bytes of a KV bucket, written by compare-and-set only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.files import check_key
from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.infrastructure import TOMBSTONE_SECONDS, kv_stream
from wombat_gitops.adapters.nats.jetstream import WrongSequence
from wombat_gitops.adapters.nats.retrying import persist
from wombat_gitops.domain.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.adapters.nats.jetstream import Message

TOKEN: Final = "Wombat-Token"  # noqa: S105 - the name of a header
"""Header of every write: who wrote it, and for whom a write whose answer was lost is a success."""


TOMBSTONE: Final = {"KV-Operation": "DEL", "Nats-TTL": f"{TOMBSTONE_SECONDS}s"}
"""Headers of a message that takes a key away; it is gone itself after a while."""


class Bucket:
    """One KV bucket.

    Args:
        seconds: how long a method tries before it raises `Unreachable`.
    """

    def __init__(self, connection: Connection, name: str, seconds: float) -> None:
        self.name = name
        self.stream = kv_stream(name)
        self._connection = connection
        self._seconds = seconds

    def subject(self, key: str) -> str:
        """Where the values of *key* are. Raises `Refused` where it cannot be a key."""
        return f"$KV.{self.name}.{check_key(key)}"

    def key(self, message: Message) -> str:
        """The key that a message of this bucket belongs to."""
        return message.subject.removeprefix(f"$KV.{self.name}.")

    async def newest(self, key: str) -> Message | None:
        """The newest message of a key, tombstones included, by the word of the stream's leader."""
        subject = self.subject(key)
        return await persist(lambda: jetstream.newest(self._connection, self.stream, subject), self._seconds)

    async def keys(self, prefix: str = "") -> list[str]:
        """Every key below *prefix*, without reading values; such that were removed lately may be among them."""
        below = f"$KV.{self.name}.{prefix}>"
        found = await persist(lambda: jetstream.subjects(self._connection, self.stream, below), self._seconds)
        return [subject.removeprefix(f"$KV.{self.name}.") for subject in found]

    async def write(
        self, key: str, payload: bytes, expected: int, token: str, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Message | None]:
        """Write over *expected*: the new revision, or 0 and what is there instead.

        What carries *token* already counts as written: an earlier try did it.
        """
        subject = self.subject(key)
        sent = {TOKEN: token} | dict(headers or {})

        async def attempt() -> tuple[int, Message | None]:
            try:
                return await jetstream.publish(
                    self._connection, subject, payload, headers=sent, expected=expected
                ), None
            except WrongSequence:
                found = await self._settled(subject, expected)
            if found is not None and found.headers.get(TOKEN) == token:
                return found.sequence, None
            return 0, found

        return await persist(attempt, self._seconds)

    async def _settled(self, subject: str, expected: int) -> Message | None:
        """What is on *subject* instead of *expected*; a write that is under way may be our own first try."""
        found = await jetstream.newest(self._connection, self.stream, subject)
        if (found.sequence if found is not None else 0) == expected:
            msg = f"a write to stream `{self.stream}` is under way"
            raise Unreachable(msg)
        return found


def is_tombstone(message: Message) -> bool:
    """Whether a message tells that its key is gone."""
    headers = message.headers
    return headers.get("KV-Operation") in {"DEL", "PURGE"} or "Nats-Marker-Reason" in headers
