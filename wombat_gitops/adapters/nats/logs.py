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


class NatsLogs:
    """`ports.LogStream`; a chunk's sequence is its sequence in the stream."""

    def __init__(self, connection: Connection, *, seconds: float = PATIENCE) -> None:
        self._connection = connection
        self._seconds = seconds
        self._key = secrets.token_bytes(32)

    async def append(self, build: str, attempt: int, index: int, text: str, *, end: bool = False) -> None:
        """Publish the *index*-th chunk of an attempt's log; sending it twice from here is harmless."""
        headers = {jetstream.MESSAGE_ID: self._id(build, attempt, index)} | ({_END: "1"} if end else {})
        subject = log_subject(build, attempt)
        await persist(
            lambda: jetstream.publish(self._connection, subject, text.encode(), headers=headers), self._seconds
        )

    def _id(self, build: str, attempt: int, index: int) -> str:
        """The same for the same chunk, and known to nobody else, also not from the ids of other chunks."""
        chunk = f"{build}.{attempt}.{index}".encode()
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


def _chunk(message: Message) -> LogChunk:
    return LogChunk(message.sequence, message.data.decode(errors="replace"), _END in message.headers)
