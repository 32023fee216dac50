"""Restore and move: what was saved, into another broker.

Objects are written first, then logs, then records. Every write is one that may be repeated: a restore that broke
off is taken up by running it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.archive import reading, save_records
from wombat_gitops.adapters.nats.archive_file import ArchiveReader, Blob, Index, Logs, Records
from wombat_gitops.adapters.nats.archive_source import KEPT, Held
from wombat_gitops.adapters.nats.bucket import TOKEN, TOMBSTONE, Bucket, is_tombstone
from wombat_gitops.adapters.nats.retrying import PATIENCE, persist
from wombat_gitops.domain.errors import CorruptData, NotFound, Refused
from wombat_gitops.domain.references import Flaw
from wombat_gitops.domain.subjects import ARTIFACTS, LOGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence

    from wombat_gitops.adapters.nats.archive_file import Entry, LogMessage
    from wombat_gitops.adapters.nats.connection import Connection

T = TypeVar("T")

_AT_ONCE: Final = 32
"""Writes on their way; a cluster of three takes some thousands a second that way."""


@dataclass(slots=True)
class Restored:
    """What a restore did.

    Attributes:
        written: by bucket, of objects and of log messages.
        present: those that were there already, as they are in the archive.
        kept: records and logs that were there as something else, and stayed that.
        left_out: objects that could not be taken along, because where they come from they are not whole.
    """

    written: Counter[str] = field(default_factory=Counter)
    present: Counter[str] = field(default_factory=Counter)
    kept: list[Flaw] = field(default_factory=list)
    left_out: list[Flaw] = field(default_factory=list)


async def restore(connection: Connection, archive: Path, *, merge: bool = False) -> Restored:
    """Bring everything in the file *archive* into a broker that has its buckets and streams.

    Nothing is written before the whole file was read and found to be right. Broken off, it can be run again.

    Args:
        merge: the broker may hold other records; of a key that both have, the broker's stays.

    Raises:
        NotFound, CorruptData: there is no such file, or it is not whole, or was changed.
        Refused: the broker holds records that the archive does not, or has otherwise.
        Unreachable: the broker went away for longer than half a minute.
    """
    reader = await asyncio.to_thread(ArchiveReader, archive)
    await _check(connection, reader, merge=merge)
    job = _Restore(connection, reader)
    await job.objects()
    await job.records()
    return job.done


async def move(source: Connection, target: Connection, *, merge: bool = False) -> tuple[Index, Restored]:
    """Copy everything from one broker to another, which has its buckets and streams; the first one is only read.

    Objects go from broker to broker, one at a time; records wait in a temporary file until all objects are there.
    Broken off, it can be run again. Gives what there was, and what was done. Raises as `restore` does.
    """
    with tempfile.TemporaryDirectory(prefix="wombat-move-") as folder:
        archive = Path(folder) / "records.tar"
        index = await save_records(source, archive)
        if not any(index.counts.values()):
            msg = "there is nothing on the broker to move from"
            raise NotFound(msg, hint="is it the broker that the service uses?")
        reader = await asyncio.to_thread(ArchiveReader, archive)
        await _check(target, reader, merge=merge)
        job = _Restore(target, reader)
        await _copy_objects(source, job)
        await job.records()
    return index, job.done


async def _copy_objects(source: Connection, job: _Restore) -> None:
    objects = reading(source)
    async for meta in Held(source).objects():
        if isinstance(meta, Flaw):
            job.done.left_out.append(meta)
            continue
        try:
            await job.object(meta.name, meta.size, partial(objects.fetch, meta.name, meta.size))
        except (CorruptData, NotFound) as error:
            job.done.left_out.append(Flaw(ARTIFACTS, meta.name, error.message))


async def _check(connection: Connection, reader: ArchiveReader, *, merge: bool) -> None:
    """Read the whole archive, and see that the broker holds nothing else."""
    others = {} if merge else await _records_of_others(connection, reader.id)
    async for member in _members(reader):
        if isinstance(member, Records) and others:
            for entry in member.entries:
                place = (member.bucket, entry.key)
                if place in others:
                    others[place] = (others[place][0], others[place][0] == _digest(entry.value))
    strange = [f"`{key[:40]}` in `{bucket}`" for (bucket, key), (_, equal) in others.items() if not equal]
    if strange:
        msg = f"the broker holds {len(strange)} records that the archive has not, or has otherwise: {strange[0]}"
        raise Refused(msg, hint="restore into an empty broker, or keep what is there with `--merge`")


async def _records_of_others(connection: Connection, identity: str) -> dict[tuple[str, str], tuple[bytes, bool]]:
    """Digests of all records but those that an earlier restore of the same archive wrote."""
    found: dict[tuple[str, str], tuple[bytes, bool]] = {}
    for bucket in KEPT:
        async for stored in Held(connection).entries(bucket):
            for each in stored:
                if each.entry.value is not None and not each.token.startswith(f"{identity}."):
                    found[bucket, each.entry.key] = (_digest(each.entry.value), False)
    return found


class _Restore:
    def __init__(self, connection: Connection, reader: ArchiveReader) -> None:
        self.done = Restored()
        self._connection = connection
        self._reader = reader
        self._store = reading(connection)
        self._logs = _LogRestore(connection, self.done)

    async def objects(self) -> None:
        async for member in _members(self._reader):
            if isinstance(member, Blob):
                await self.object(member.sha256, member.size, partial(_unpack, member))

    async def object(self, sha256: str, size: int, fetch: Callable[[Path], Awaitable[None]]) -> None:
        """Store an object that is not there; *fetch* brings its bytes to a path."""
        if await self._store.size(sha256) == size:
            self.done.present[ARTIFACTS] += 1
            return
        with tempfile.TemporaryDirectory(prefix="wombat-restore-") as folder:
            path = Path(folder) / "object"
            await fetch(path)
            await self._store.put(path, sha256, size)
        self.done.written[ARTIFACTS] += 1

    async def records(self) -> None:
        """Write logs and records; what the records name is there by now."""
        async for member in _members(self._reader):
            if isinstance(member, Logs):
                await self._logs.write(member.messages)
        async for member in _members(self._reader):
            if isinstance(member, Records):
                bucket = Bucket(self._connection, member.bucket, PATIENCE)
                await _side_by_side(member.entries, partial(self._entry, bucket))

    async def _entry(self, bucket: Bucket, entry: Entry) -> None:
        """Write an entry, unless its key is there by another hand."""
        mark = f"{self._reader.id}."
        token = mark + _digest(entry.value).hex()
        if entry.value is None:
            # It was removed while the archive was written: so is what an earlier line of the archive brought.
            found = await bucket.newest(entry.key)
            if found is not None and found.headers.get(TOKEN, "").startswith(mark) and not is_tombstone(found):
                await bucket.write(entry.key, b"", found.sequence, token, TOMBSTONE)
            return
        expected = 0
        while True:
            written, found = await bucket.write(entry.key, entry.value, expected, token)
            if written:
                self.done.written[bucket.name] += 1
                return
            if found is None:
                expected = 0
            elif is_tombstone(found) or found.headers.get(TOKEN, "").startswith(mark):
                expected = found.sequence
            elif found.data == entry.value:
                self.done.present[bucket.name] += 1
                return
            else:
                self.done.kept.append(Flaw(bucket.name, entry.key, "it was there already, as another one"))
                return


class _LogRestore:
    """Writes logs behind what is there of them, where that is their beginning."""

    def __init__(self, connection: Connection, done: Restored) -> None:
        self._connection = connection
        self._done = done
        self._there: defaultdict[str, list[bytes]] | None = None
        self._next: Counter[str] = Counter()
        self._other: set[str] = set()

    async def write(self, messages: Sequence[LogMessage]) -> None:
        if self._there is None:
            self._there = await self._read()
        logs: defaultdict[str, list[LogMessage]] = defaultdict(list)
        for message in messages:
            logs[message.subject].append(message)
        await _side_by_side(list(logs.values()), self._one)

    async def _read(self) -> defaultdict[str, list[bytes]]:
        there: defaultdict[str, list[bytes]] = defaultdict(list)
        async for messages in Held(self._connection).logs():
            for message in messages:
                there[message.subject].append(_digest(message.data)[:8])
        return there

    async def _one(self, messages: Sequence[LogMessage]) -> None:
        """Write messages of one log in their order."""
        there = self._there if self._there is not None else {}
        for message in messages:
            subject, number = message.subject, self._next[message.subject]
            if subject in self._other:
                return
            self._next[subject] += 1
            known = there.get(subject, ())
            if number >= len(known):
                await self._publish(message)
                self._done.written[LOGS] += 1
            elif known[number] == _digest(message.data)[:8]:
                self._done.present[LOGS] += 1
            else:
                self._other.add(subject)
                self._done.kept.append(Flaw(LOGS, subject, "it was there already, as another one"))

    async def _publish(self, message: LogMessage) -> None:
        await persist(
            lambda: jetstream.publish(self._connection, message.subject, message.data, headers=message.headers),
            PATIENCE,
        )


async def _members(reader: ArchiveReader) -> AsyncIterator[Records | Logs | Blob | Index]:
    """The members of an archive, read by a thread."""
    members = reader.members()
    try:
        while (member := await asyncio.to_thread(_next, members)) is not None:
            yield member
    finally:
        with contextlib.suppress(ValueError):  # the thread is still at it where this was cancelled
            members.close()


def _next(members: Generator[T]) -> T | None:
    return next(members, None)


async def _unpack(blob: Blob, path: Path) -> None:
    with path.open("wb") as file:
        await asyncio.to_thread(blob.copy, file)


async def _side_by_side(items: Sequence[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do *work* for each item, some at once."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(item: T) -> None:
        async with room:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for item in items:
                group.create_task(one(item))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors


def _digest(data: bytes | None) -> bytes:
    return hashlib.sha256(b"" if data is None else data).digest()
