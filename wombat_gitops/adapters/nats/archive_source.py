"""Everything that a broker holds, read by paging, some MiB at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.archive_file import SEGMENT, Entry, LogMessage
from wombat_gitops.adapters.nats.bucket import TOKEN, is_tombstone
from wombat_gitops.adapters.nats.infrastructure import BUCKETS, OBJECT_STREAM, kv_stream
from wombat_gitops.adapters.nats.objects import META_SUBJECTS, parse_meta
from wombat_gitops.adapters.nats.retrying import PATIENCE, persist
from wombat_gitops.domain import subjects
from wombat_gitops.domain.errors import CorruptData, NotFound, Unreachable
from wombat_gitops.domain.references import Flaw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.adapters.nats.jetstream import Message
    from wombat_gitops.adapters.nats.objects import ObjectMeta

_NAMING: Final = (subjects.DISTRIBUTIONS, subjects.SOURCES, subjects.BUILDS)
_FLEETING: Final = frozenset({subjects.LEASES})
KEPT: Final = (*_NAMING, *(name for name, _ in BUCKETS if name not in _FLEETING and name not in _NAMING))
"""The buckets that are worth keeping, those whose records name others first: what a record names was stored before
it, so who reads in this order never finds less than was named."""

_OWN_HEADERS: Final = frozenset({jetstream.MESSAGE_ID})


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as it is in its bucket: its sequence there, and the token of its writer."""

    entry: Entry
    sequence: int
    token: str


class Held:
    """What one broker holds.

    Args:
        seconds: how long a read is tried before it raises `Unreachable`.
    """

    def __init__(self, connection: Connection, *, seconds: float = PATIENCE) -> None:
        self._connection = connection
        self._seconds = seconds

    async def entries(self, bucket: str, *, since: int | None = None) -> AsyncIterator[list[Stored]]:
        """Every key, in the order in which they were written.

        What is written meanwhile comes once more. What was removed comes without a value, where it was removed
        behind the sequence *since*.
        """
        prefix = f"$KV.{bucket}."
        async for messages in self._messages(kv_stream(bucket), f"{prefix}>"):
            newest = {message.subject: message for message in messages}
            yield [
                Stored(
                    Entry(each.subject.removeprefix(prefix), None if is_tombstone(each) else each.data),
                    each.sequence,
                    each.headers.get(TOKEN, ""),
                )
                for each in newest.values()
                if not is_tombstone(each) or (since is not None and each.sequence > since)
            ]

    async def logs(self) -> AsyncIterator[list[LogMessage]]:
        """Messages of logs in their order, with the headers that their writers set."""
        async for messages in self._messages(subjects.LOGS, "logs.>"):
            yield [LogMessage(each.subject, _own_headers(each), each.data) for each in messages]

    async def objects(self) -> AsyncIterator[ObjectMeta | Flaw]:
        """What the store says of each object that is there."""
        async for messages in self._messages(OBJECT_STREAM, META_SUBJECTS):
            for message in messages:
                try:
                    meta = parse_meta(message)
                except CorruptData as error:
                    yield Flaw(subjects.ARTIFACTS, message.subject, error.message)
                else:
                    if not meta.deleted:
                        yield meta

    async def end(self, stream: str) -> int:
        """The newest sequence of a stream, 0 where there is none."""
        try:
            info = await persist(lambda: jetstream.stream_info(self._connection, stream), self._seconds)
        except NotFound:
            return 0
        return info.last_sequence

    async def _messages(self, stream: str, subject: str) -> AsyncIterator[tuple[Message, ...]]:
        """All messages to the end that the stream's leader knows of; none where there is no such stream.

        Raises:
            Unreachable: no answer for a while.
        """
        if not await self.end(stream):
            return
        after = 0
        while messages := await persist(partial(self._page, stream, subject, after), self._seconds):
            yield messages
            after = messages[-1].sequence

    async def _page(self, stream: str, subject: str, after: int) -> tuple[Message, ...]:
        page = await jetstream.page(self._connection, stream, subject, after, max_bytes=SEGMENT)
        if not page.messages and await jetstream.is_behind(self._connection, stream, subject, after):
            msg = f"a replica of stream `{stream}` lags behind"
            raise Unreachable(msg)
        return page.messages


def _own_headers(message: Message) -> dict[str, str]:
    return {
        name: value for name, value in message.headers.items() if name in _OWN_HEADERS or not name.startswith("Nats-")
    }
