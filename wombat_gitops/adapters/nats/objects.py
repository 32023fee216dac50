"""`ports.ObjectStore` on the standard layout of a NATS object store, so that stock clients can read it.

A writer stores chunks and asks the service to commit; only the service (`committer.ObjectCommitter`)
writes an object's meta, after it has read the chunks back and verified them. So no builder can
overwrite or delete an object, and nothing is visible before it is whole.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import string
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from wombat_gitops.adapters.files import file_digest, replacing
from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.infrastructure import OBJECT_STREAM
from wombat_gitops.adapters.nats.retrying import PATIENCE, persist
from wombat_gitops.domain.errors import CorruptData, DoesNotFit, NotFound, Refused, Unreachable
from wombat_gitops.domain.messages import CommitAnswer, CommitRequest
from wombat_gitops.domain.subjects import ARTIFACTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.adapters.nats.jetstream import Message

CHUNK: Final = 128 << 10
"""Bytes of a chunk at most, as the official clients have it; fewer where the broker takes only smaller messages."""
_CHUNK_HEADERS: Final = 512
"""Room for the headers of a chunk, which count for the size of its message."""
META_SUBJECTS: Final = f"$O.{ARTIFACTS}.M.>"
"""Where the metas of all objects are."""
_WINDOW: Final = 4 << 20
"""Bytes on their way at once; a heartbeat behind them on the same connection waits for these at most."""
_CHUNK_SECONDS: Final = 4.0
"""Time-out of one try of a chunk; a broker that died has lost it, and sending it twice stores it once."""
_PAGE: Final = 8 << 20
_LETTERS: Final = string.ascii_letters + string.digits
_NUID: Final = 22
_TRIES: Final = 3
_MOST_RUNS: Final = 64
"""Runs of sequences that are written down; where uploads took turns more often, one run stands for all."""


class Committer(Protocol):
    """Publishes an object whose chunks are stored: the service, or a request to it."""

    async def commit(self, request: CommitRequest) -> CommitAnswer:
        """Verify the chunks and publish the object. Raises `CorruptData`, `Unreachable`."""
        ...


@dataclass(frozen=True, slots=True)
class ObjectMeta:
    """What the store says of an object; *sequence* is that of the meta message.

    Attributes:
        ranges: inclusive runs of stream sequences with all chunks, and perhaps chunks of others between them; empty in
            objects of other writers.
    """

    name: str
    size: int
    chunks: int
    nuid: str
    digest: str
    deleted: bool = False
    ranges: tuple[tuple[int, int], ...] = ()
    sequence: int = 0


def chunk_subject(nuid: str) -> str:
    """Where the chunks of an object are."""
    return f"$O.{ARTIFACTS}.C.{nuid}"


def meta_subject(name: str) -> str:
    """Where the meta of an object is."""
    return f"$O.{ARTIFACTS}.M.{base64.urlsafe_b64encode(name.encode()).decode()}"


def digest_text(sha256: str) -> str:
    """A digest as the object store writes it: `SHA-256=` and padded base64url."""
    return "SHA-256=" + base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode()


async def read_meta(connection: Connection, name: str, *, known: bool = False) -> ObjectMeta | None:
    """The meta of an object, deleted ones included.

    Args:
        known: take what any replica says; it can lag behind the stream's leader.

    Raises:
        CorruptData: it is not the meta of an object.
        Unreachable: the store does not answer.
    """
    read = jetstream.known if known else jetstream.newest
    message = await read(connection, OBJECT_STREAM, meta_subject(name))
    if message is None:
        return None
    return parse_meta(message)


def parse_meta(message: Message) -> ObjectMeta:
    """What a message on one of `META_SUBJECTS` says. Raises `CorruptData`."""
    try:
        return _meta(json.loads(message.data), message.sequence)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"the meta of an object cannot be read: `{message.subject[-30:]}`"
        raise CorruptData(msg) from error


def _meta(document: Mapping[str, Any], sequence: int) -> ObjectMeta:
    texts = (document.get("headers") or {}).get("x-seq") or []
    runs = [text.partition("-") for text in texts]
    return ObjectMeta(
        str(document["name"]),
        int(document.get("size", 0)),
        int(document.get("chunks", 0)),
        str(document["nuid"]),
        str(document.get("digest", "")),
        bool(document.get("deleted", False)),
        tuple((int(first), int(last or first)) for first, _, last in runs),
        sequence,
    )


async def read_chunks(
    connection: Connection, nuid: str, first: int, seconds: float, *, chunks: int = 0
) -> AsyncIterator[tuple[Message, ...]]:
    """The chunks of an object in order, some MiB at a time; goes on after the broker was away.

    Args:
        chunks: how many there should be; where there are fewer, the stream's leader is asked whether that is all.

    Raises:
        Unreachable: no progress for *seconds*.
    """
    subject = chunk_subject(nuid)
    after, more, count = max(first - 1, 0), True, 0

    async def read() -> jetstream.Page:
        page = await jetstream.page(connection, OBJECT_STREAM, subject, after, max_bytes=_PAGE)
        if page.more or page.messages or 0 < chunks <= count:
            return page
        if await jetstream.is_behind(connection, OBJECT_STREAM, subject, after):
            msg = f"a replica of stream `{OBJECT_STREAM}` lags behind"
            raise Unreachable(msg)
        return page

    while more:
        page = await persist(read, seconds)
        if page.messages:
            after = page.messages[-1].sequence
            count += len(page.messages)
            yield page.messages
        more = page.more or (bool(page.messages) and not 0 < chunks <= count)


class NatsObjects:
    """`ports.ObjectStore`; *committer* publishes what `put` has stored.

    `put` itself does not read back: the committer hashes the chunks as the stream returns them before
    it publishes the object, so that an object that exists has been read back and verified.

    Args:
        owner: name below which this writer's chunks are, so that the broker can keep others out of there.
    """

    def __init__(
        self, connection: Connection, committer: Committer, *, owner: str = "", seconds: float = PATIENCE
    ) -> None:
        self._owner = f"{owner}." if owner else ""
        self._connection = connection
        self._committer = committer
        self._seconds = seconds

    async def put(self, path: Path, sha256: str, size: int) -> None:
        """Store a file's bytes under *sha256*; see `ports.ObjectStore.put`."""
        if await self._confirmed(sha256, size):
            return
        if await asyncio.to_thread(file_digest, path) != (sha256, size):
            msg = f"the bytes of `{path.name}` do not have the digest `{sha256[:12]}` and {size} bytes"
            raise CorruptData(msg)
        await persist(lambda: self._check_room(size), self._seconds)
        nuid, sequences = await self._store_in_order(path, sha256)
        await self._committer.commit(CommitRequest(sha256, size, nuid, len(sequences), _runs(sequences)))

    async def _check_room(self, size: int) -> None:
        """Raise `StoreFull` before anything is stored: chunks of an upload that broke off take room for a day."""
        info = await jetstream.api(self._connection, f"STREAM.INFO.{OBJECT_STREAM}", {})
        limit = int(info["config"].get("max_bytes", -1))
        if 0 < limit < int(info["state"]["bytes"]) + size:
            raise jetstream.full(OBJECT_STREAM)

    async def _confirmed(self, sha256: str, size: int) -> bool:
        """Whether the object is there, whole, and known to be wanted: nobody clears it away now."""
        meta = await self._meta(sha256)
        if meta is None or meta.size != size:
            return False
        try:
            await self._committer.commit(CommitRequest(sha256, size, meta.nuid, meta.chunks, meta.ranges))
        except (CorruptData, Refused):
            return False
        return True

    async def fetch(self, sha256: str, size: int, target: Path) -> None:
        """Write the object's bytes to *target*; see `ports.ObjectStore.fetch`."""
        meta = await self._meta(sha256)
        if meta is None:
            msg = f"there is no object `{sha256[:12]}`"
            raise NotFound(msg)
        if meta.size != size:
            msg = f"object `{sha256[:12]}` has {meta.size} bytes, not {size}"
            raise CorruptData(msg)
        loop = asyncio.get_running_loop()
        digest, written = hashlib.sha256(), 0
        with replacing(target) as file:
            job: asyncio.Future[int] | None = None
            first = meta.ranges[0][0] if meta.ranges else 1
            try:
                async for chunks in read_chunks(self._connection, meta.nuid, first, self._seconds, chunks=meta.chunks):
                    written += await job if job else 0
                    job = loop.run_in_executor(None, _take, chunks, digest, file)
                    if written > size:
                        break
            finally:
                written += await job if job else 0
            if written != size or digest.hexdigest() != sha256:
                msg = f"object `{sha256[:12]}` is damaged: {written} of {size} bytes, or other ones than were stored"
                raise CorruptData(msg)

    async def size(self, sha256: str) -> int | None:
        """The size of an object in bytes, or None where there is none."""
        meta = await self._meta(sha256)
        return meta.size if meta is not None else None

    async def _meta(self, sha256: str) -> ObjectMeta | None:
        """The meta of an object that is there: any replica's word counts, that it is not there only the leader's."""
        meta = await persist(lambda: read_meta(self._connection, sha256, known=True), self._seconds)
        if meta is None or meta.deleted:
            meta = await persist(lambda: read_meta(self._connection, sha256), self._seconds)
        return None if meta is None or meta.deleted else meta

    async def _store_in_order(self, path: Path, sha256: str) -> tuple[str, list[int]]:
        for _ in range(_TRIES):
            nuid = self._owner + "".join(secrets.choice(_LETTERS) for _ in range(_NUID))
            size = min(CHUNK, self._connection.max_payload - _CHUNK_HEADERS)
            try:
                sequences = await self._store_chunks(path, nuid, size)
            except DoesNotFit:
                if self._connection.max_payload - _CHUNK_HEADERS >= size:
                    raise
                continue  # another server of the broker, which takes less
            if sequences == sorted(sequences):
                return nuid, sequences
        msg = f"the chunks of object `{sha256[:12]}` did not arrive in order"
        raise Unreachable(msg)

    async def _store_chunks(self, path: Path, nuid: str, chunk: int) -> list[int]:
        """Store a file's chunks, a few at a time; returns their sequences, which retries may have mixed up."""
        room = asyncio.Semaphore(max(_WINDOW // chunk, 1))
        tasks: list[asyncio.Task[int]] = []
        with path.open("rb") as file:
            try:
                async with asyncio.TaskGroup() as group:
                    while data := await asyncio.to_thread(file.read, chunk):
                        await room.acquire()
                        tasks.append(group.create_task(self._store_chunk(nuid, data, room.release)))
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from errors
        return [task.result() for task in tasks]

    async def _store_chunk(self, nuid: str, data: bytes, done: Callable[[], None]) -> int:
        # The stream compares ids of all writers, so nobody else may know the id of a chunk before it is stored.
        headers = {jetstream.MESSAGE_ID: secrets.token_hex(16)}
        try:
            return await persist(
                lambda: jetstream.publish(
                    self._connection, chunk_subject(nuid), data, headers=headers, seconds=_CHUNK_SECONDS
                ),
                self._seconds,
            )
        finally:
            done()


def _take(chunks: tuple[Message, ...], digest: hashlib._Hash, file: IO[bytes]) -> int:
    for chunk in chunks:
        digest.update(chunk.data)
        file.write(chunk.data)
    return sum(len(chunk.data) for chunk in chunks)


def _runs(sequences: list[int]) -> tuple[tuple[int, int], ...]:
    runs: list[tuple[int, int]] = []
    for sequence in sequences:
        if runs and runs[-1][1] + 1 == sequence:
            runs[-1] = (runs[-1][0], sequence)
        else:
            runs.append((sequence, sequence))
    return tuple(runs) if len(runs) <= _MOST_RUNS else ((sequences[0], sequences[-1]),)
