"""`ports.ObjectKeeper` on the standard layout of a NATS object store: lists, verifies and removes objects.

An object is removed in three steps, each safe to repeat: its meta is replaced by a marker, by compare-and-set, so
that a commit or a touch at the same moment either wins or sees the marker; then its chunks are purged; then the
marker, and never what was written behind it. `committer.ObjectCommitter` publishes no chunks that a marker names.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.infrastructure import OBJECT_STREAM
from wombat_gitops.adapters.nats.jetstream import Message, WrongSequence
from wombat_gitops.adapters.nats.objects import chunk_subject, digest_text, meta_subject, read_chunks, read_meta
from wombat_gitops.adapters.nats.retrying import PATIENCE, persist
from wombat_gitops.domain.errors import CorruptData, Unreachable
from wombat_gitops.domain.subjects import ARTIFACTS
from wombat_gitops.ports import HeldObject, Holdings, Upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from wombat_gitops.adapters.nats.connection import Connection

_METAS: Final = f"$O.{ARTIFACTS}.M.>"
_CHUNKS: Final = chunk_subject("")
_MARKER_ROOM: Final = 64 << 10
"""Bytes for the marker of one object, and what other writers send meanwhile."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class NatsKeeper:
    """`ports.ObjectKeeper`. Any number of instances may work at once; objects of other names are left alone.

    Args:
        seconds: how long a method tries before it raises `Unreachable`.
    """

    def __init__(self, connection: Connection, *, seconds: float = PATIENCE) -> None:
        self._connection = connection
        self._seconds = seconds

    async def holdings(self) -> Holdings:
        """What there is; see `ports.ObjectKeeper.holdings`."""
        # Chunks first: of an upload that is published in between, the meta is seen.
        chunks = await persist(
            lambda: jetstream.subjects(self._connection, OBJECT_STREAM, f"{_CHUNKS}>"), self._seconds
        )
        objects: dict[str, HeldObject] = {}
        named, unreadable = set[str](), list[str]()
        async for message in self._metas():
            try:
                document = _document(message)
            except CorruptData:
                unreadable.append(message.subject)
                continue
            named.add(document["nuid"])
            if _DIGEST.fullmatch(document["name"]):
                objects[message.subject] = _held(document, message.sequence)
        uploads = (Upload(subject.removeprefix(_CHUNKS), count) for subject, count in sorted(chunks.items()))
        orphans = tuple(upload for upload in uploads if upload.id not in named)
        return Holdings(tuple(objects.values()), orphans, tuple(unreadable))

    async def find(self, sha256: str) -> HeldObject | None:
        """One object; see `ports.ObjectKeeper.find`."""
        message = await self._newest(sha256)
        try:
            held = _held(_document(message), message.sequence) if message is not None else None
        except CorruptData:
            return None
        return None if held is None or held.leftover else held

    async def verify(self, held: HeldObject, pace: Callable[[int], Awaitable[None]]) -> bool:
        """Read all bytes of an object; see `ports.ObjectKeeper.verify`."""
        try:
            meta = await persist(lambda: read_meta(self._connection, held.sha256), self._seconds)
        except CorruptData:
            return False
        if meta is None or meta.deleted:
            return False
        digest, size = hashlib.sha256(), 0
        first = meta.ranges[0][0] if meta.ranges else 1
        async for page in read_chunks(self._connection, meta.nuid, first, self._seconds, chunks=meta.chunks):
            for chunk in page:
                digest.update(chunk.data)
                size += len(chunk.data)
                await asyncio.sleep(0)
            await pace(sum(len(chunk.data) for chunk in page))
        return (digest.hexdigest(), size) == (held.sha256, meta.size) and meta.digest == digest_text(held.sha256)

    async def delete(self, held: HeldObject) -> bool:
        """Remove exactly *held*; see `ports.ObjectKeeper.delete`."""
        message = await self._newest(held.sha256)
        if message is None or message.sequence != held.revision:
            return False
        document = _document(message)
        marker = held.revision if held.leftover else await self._mark_also_where_full(held, document)
        if not marker:
            return False
        await self._purge({"filter": chunk_subject(document["nuid"])})
        await self._purge({"filter": meta_subject(held.sha256), "seq": marker + 1})
        return True

    async def discard(self, uploads: Sequence[Upload]) -> int:
        """Remove uploads; see `ports.ObjectKeeper.discard`."""
        named = set[str]()
        async for message in self._metas_of_leader():
            try:
                named.add(_document(message)["nuid"])
            except CorruptData:
                return 0  # its chunks may be any of these
        gone = [upload for upload in uploads if upload.id not in named]
        for upload in gone:
            await self._purge({"filter": chunk_subject(upload.id)})
        return len(gone)

    async def _mark_also_where_full(self, held: HeldObject, document: dict[str, Any]) -> int:
        """As `_mark`; a stream that takes no more gets room for the marker, or nothing could ever be removed."""
        info = await persist(lambda: jetstream.api(self._connection, f"STREAM.INFO.{OBJECT_STREAM}", {}), self._seconds)
        config, needed = info["config"], int(info["state"]["bytes"]) + _MARKER_ROOM
        if not 0 < int(config.get("max_bytes", -1)) < needed:
            return await self._mark(held, document)
        await self._update(config | {"max_bytes": needed})
        try:
            return await self._mark(held, document)
        finally:
            await self._update(config)

    async def _update(self, config: dict[str, Any]) -> None:
        await persist(lambda: jetstream.api(self._connection, f"STREAM.UPDATE.{OBJECT_STREAM}", config), self._seconds)

    async def _mark(self, held: HeldObject, document: dict[str, Any]) -> int:
        """Replace the meta by a marker as stock clients write it; its sequence, or 0 where somebody was faster."""
        marker = document | {"deleted": True, "size": 0, "chunks": 0, "digest": "", "headers": None}
        payload, subject = json.dumps(marker).encode(), meta_subject(held.sha256)

        async def attempt() -> int:
            try:
                return await jetstream.publish(self._connection, subject, payload, expected=held.revision)
            except WrongSequence as error:
                found = await jetstream.newest(self._connection, OBJECT_STREAM, subject)
                if found is not None and found.sequence == held.revision:
                    msg = f"object `{held.sha256[:12]}` is being removed"
                    raise Unreachable(msg) from error
                # our own first try, whose answer was lost, or that of another instance: the outcome is the same
                return found.sequence if found is not None and found.data == payload else 0

        return await persist(attempt, self._seconds)

    async def _newest(self, sha256: str) -> Message | None:
        subject = meta_subject(sha256)
        return await persist(lambda: jetstream.newest(self._connection, OBJECT_STREAM, subject), self._seconds)

    async def _purge(self, query: dict[str, Any]) -> None:
        await persist(lambda: jetstream.api(self._connection, f"STREAM.PURGE.{OBJECT_STREAM}", query), self._seconds)

    async def _metas(self) -> AsyncIterator[Message]:
        after, more = 0, True

        def read() -> Awaitable[jetstream.Page]:
            return jetstream.page(self._connection, OBJECT_STREAM, _METAS, after)

        while more:
            page = await persist(read, self._seconds)
            for message in page.messages:
                yield message
                after = message.sequence
            more = page.more

    async def _metas_of_leader(self) -> AsyncIterator[Message]:
        """One by one, which is slow, and right where a replica lags for long."""
        after = 0

        def read() -> Awaitable[Message | None]:
            return jetstream.next_behind(self._connection, OBJECT_STREAM, _METAS, after)

        while (message := await persist(read, self._seconds)) is not None:
            yield message
            after = message.sequence


def _document(message: Message) -> dict[str, Any]:
    """The fields of a meta. Raises `CorruptData` where it is none, or not that of its subject."""
    try:
        document = json.loads(message.data)
        name, nuid = document["name"], document["nuid"]
        known = isinstance(name, str) and isinstance(nuid, str) and meta_subject(name) == message.subject
        int(document.get("size", 0))
    except (ValueError, KeyError, TypeError) as error:
        msg = f"the meta on `{message.subject}` cannot be read"
        raise CorruptData(msg) from error
    if not known:
        msg = f"the meta on `{message.subject}` is that of another object"
        raise CorruptData(msg)
    return dict(document)


def _held(document: dict[str, Any], sequence: int) -> HeldObject:
    try:
        stored_at = datetime.fromisoformat(str(document.get("mtime"))).astimezone(UTC)
    except ValueError:
        stored_at = None
    size, leftover = int(document.get("size", 0)), bool(document.get("deleted"))
    return HeldObject(document["name"], size, stored_at, sequence, leftover)
