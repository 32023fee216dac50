"""`ports.LogStream` on the stream `LOGS`."""

from __future__ import annotations

import hashlib
import secrets
from functools import partial
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.follow import Follower
from wombat_gitops.adapters.nats.retrying import PATIENCE, persist
from wombat_gitops.domain.subjects import LOGS, log_subject
from wombat_gitops.ports import LogChunk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.adapters.nats.jetstream import Message

_END: Final = "Log-End"
_HEADERS: Final = 512
"""Room for the headers of a message, which count for its size."""
_CHARACTER: Final = 4
"""Bytes of a character at most."""


class NatsLogs:
    """`ports.LogStream`; a chunk's sequence is its sequence in the stream."""

    def __init__(self, connection: Connection, *, seconds: float = PATIENCE) -> None:
        self._connection = connection
        self._seconds = seconds
        self._key = secrets.token_bytes(32)

    async def append(self, build: str, attempt: int, index: int, text: str, *, end: bool = False) -> None:
        """Publish the *index*-th chunk of an attempt's log; sending it twice from here is harmless.

        A chunk that is larger than a message of the broker is published in parts.
        """
        parts = _cut(text, self._connection.max_payload - _HEADERS)
        for number, part in enumerate(parts):
            await self._publish(build, attempt, f"{index}.{number}", part, end=end and number == len(parts) - 1)

    async def _publish(self, build: str, attempt: int, place: str, part: bytes, *, end: bool) -> None:
        headers = {jetstream.MESSAGE_ID: self._id(build, attempt, place)} | ({_END: "1"} if end else {})
        subject = log_subject(build, attempt)
        await persist(lambda: jetstream.publish(self._connection, subject, part, headers=headers), self._seconds)

    def _id(self, build: str, attempt: int, place: str) -> str:
        """The same for the same part, and known to nobody else, also not from the ids of other parts."""
        chunk = f"{build}.{attempt}.{place}".encode()
        return hashlib.blake2b(chunk, key=self._key, digest_size=16).hexdigest()

    async def read(self, build: str, attempt: int, *, after: int = 0, follow: bool = False) -> AsyncIterator[LogChunk]:
        """Chunks behind *after*; with *follow* wait for more until the end chunk came.

        Ends at once where *after* is the end chunk itself. Where the broker lost its store, goes on with
        what is written into the new one.
        """
        if not follow:
            async for chunk in self._stored(build, attempt, after):
                yield chunk
            return
        subject = log_subject(build, attempt)
        last = await persist(lambda: jetstream.newest(self._connection, LOGS, subject), self._seconds)
        if last is not None and last.sequence <= after and _END in last.headers:
            return
        follower = Follower(self._connection, LOGS, subject, f"ev.{subject}", after)
        async for look in follower.looks():
            for message in look.messages:
                yield _chunk(message)
                if _END in message.headers:
                    return

    async def _stored(self, build: str, attempt: int, after: int) -> AsyncIterator[LogChunk]:
        subject, more = log_subject(build, attempt), True
        while more:
            found = await persist(partial(jetstream.page, self._connection, LOGS, subject, after), self._seconds)
            for message in found.messages:
                yield _chunk(message)
                after = message.sequence
            more = found.more


def _cut(text: str, most: int) -> list[bytes]:
    """The text in parts of at most *most* bytes, none of which ends inside a character."""
    whole = text.encode()
    if len(whole) <= most:
        return [whole]
    step = most // _CHARACTER
    return [text[start : start + step].encode() for start in range(0, len(text), step)]


def _chunk(message: Message) -> LogChunk:
    return LogChunk(message.sequence, message.data.decode(errors="replace"), _END in message.headers)
