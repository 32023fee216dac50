"""The service's part in storing an object: verify what a writer stored, then publish it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.infrastructure import OBJECT_STREAM
from wombat_gitops.adapters.nats.jetstream import WrongSequence
from wombat_gitops.adapters.nats.objects import (
    CHUNK,
    chunk_subject,
    digest_text,
    meta_subject,
    read_chunks,
    read_meta,
)
from wombat_gitops.adapters.nats.retrying import PATIENCE, persist
from wombat_gitops.domain.errors import CorruptData, Unreachable
from wombat_gitops.domain.messages import CommitAnswer, CommitRequest
from wombat_gitops.domain.subjects import ARTIFACTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.adapters.nats.objects import ObjectMeta

_AT_ONCE: Final = 2


class ObjectCommitter:
    """Publishes objects. Any number of instances may: the first one wins, equal bytes are kept once."""

    def __init__(
        self, connection: Connection, *, now: Callable[[], datetime] | None = None, seconds: float = PATIENCE
    ) -> None:
        self._connection = connection
        self._now = now or (lambda: datetime.now(UTC))
        self._seconds = seconds
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def commit(self, request: CommitRequest) -> CommitAnswer:
        """Verify the chunks by reading all of them back, and publish the object.

        Of an object that these chunks are already, only the time is written anew, so that it is not cleared away.

        Raises:
            CorruptData: chunks are missing or being cleared away, or their bytes do not have the digest.
            Unreachable: the store does not answer in time.
        """
        async with self._room:
            found = await self._existing(request)
            intact = found is not None and await self._intact(found)
            if found is not None and intact and found.nuid == request.nuid:
                await self._touch(request)
                return CommitAnswer(request.sha256, found.size, created=False)
            if found is not None and found.deleted and found.nuid == request.nuid:
                raise _going(request)
            # Verified also where they are not needed: chunks are only ever purged by who proves to know the object.
            await self._verify(request)
            if found is not None and intact:
                return await self._give_up(request, found)
            return await self._publish(request, found)

    async def _touch(self, request: CommitRequest) -> None:
        """Write the time anew; where somebody else wrote meanwhile, that is as good unless it was a deletion."""
        subject = meta_subject(request.sha256)

        async def attempt() -> bool:
            message = await jetstream.newest(self._connection, OBJECT_STREAM, subject)
            document = json.loads(message.data) if message is not None else {"deleted": True}
            if message is None or document.get("deleted") or document["nuid"] != request.nuid:
                return False
            payload = json.dumps(document | {"mtime": self._time()}).encode()
            try:
                await jetstream.publish(self._connection, subject, payload, expected=message.sequence)
            except WrongSequence as error:
                msg = f"object `{request.sha256[:12]}` is being published"
                raise Unreachable(msg) from error
            return True

        if not await persist(attempt, self._seconds):
            raise _going(request)
        await self._forget_older(subject)

    async def _forget_older(self, subject: str) -> None:
        """Keep the newest meta alone. No header does it: who may send one can empty the whole stream."""
        await persist(lambda: jetstream.purge(self._connection, OBJECT_STREAM, subject, keep=1), self._seconds)

    async def _existing(self, request: CommitRequest) -> ObjectMeta | None:
        return await persist(lambda: read_meta(self._connection, request.sha256), self._seconds)

    async def _intact(self, meta: ObjectMeta) -> bool:
        """Whether all chunks of a published object are there, judged by their number."""
        if meta.deleted:
            return False
        return await self._count(meta.nuid) == meta.chunks

    async def _count(self, nuid: str) -> int:
        subject = chunk_subject(nuid)
        info = await persist(
            lambda: jetstream.stream_info(self._connection, OBJECT_STREAM, subjects=subject), self._seconds
        )
        return info.subjects.get(subject, 0)

    async def _verify(self, request: CommitRequest) -> None:
        digest, size, chunks = hashlib.sha256(), 0, 0
        first = request.ranges[0][0] if request.ranges else 1
        if await self._count(request.nuid) == request.chunks:
            async for page in read_chunks(self._connection, request.nuid, first, self._seconds, chunks=request.chunks):
                for chunk in page:
                    digest.update(chunk.data)
                    size += len(chunk.data)
                    chunks += 1
                    await asyncio.sleep(0)
        if (digest.hexdigest(), size, chunks) != (request.sha256, request.size, request.chunks):
            msg = f"the stored chunks of object `{request.sha256[:12]}` are not its bytes"
            raise CorruptData(msg, hint="store it again")

    async def _publish(self, request: CommitRequest, found: ObjectMeta | None) -> CommitAnswer:
        """Write the meta over *found*; where another commit was faster, keep that one."""
        expected = found.sequence if found is not None else 0
        payload = self._meta(request)

        async def attempt() -> int | None:
            try:
                return await jetstream.publish(
                    self._connection, meta_subject(request.sha256), payload, expected=expected
                )
            except WrongSequence:
                there = await read_meta(self._connection, request.sha256)
                if (there.sequence if there is not None else 0) == expected:
                    msg = f"object `{request.sha256[:12]}` is being published"
                    raise Unreachable(msg) from None  # perhaps by our own first try
                return None

        if await persist(attempt, self._seconds) is not None:
            if expected:
                await self._forget_older(meta_subject(request.sha256))
            return CommitAnswer(request.sha256, request.size, created=True)
        winner = await self._existing(request)
        if winner is None or winner.deleted:
            msg = f"object `{request.sha256[:12]}` was deleted while it was stored"
            raise Unreachable(msg)
        if winner.nuid == request.nuid:
            return CommitAnswer(request.sha256, request.size, created=True)
        return await self._give_up(request, winner)

    async def _give_up(self, request: CommitRequest, winner: ObjectMeta) -> CommitAnswer:
        """Equal bytes were there before: ours are not needed."""
        subject = chunk_subject(request.nuid)
        await persist(lambda: jetstream.purge(self._connection, OBJECT_STREAM, subject), self._seconds)
        return CommitAnswer(request.sha256, winner.size, created=False)

    def _meta(self, request: CommitRequest) -> bytes:
        runs = [f"{first}-{last}" for first, last in request.ranges]
        document = {
            "name": request.sha256,
            "bucket": ARTIFACTS,
            "nuid": request.nuid,
            "size": request.size,
            "mtime": self._time(),
            "chunks": request.chunks,
            "digest": digest_text(request.sha256),
            "options": {"max_chunk_size": CHUNK},
            "headers": {"x-seq": runs},
        }
        return json.dumps(document).encode()

    def _time(self) -> str:
        return self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _going(request: CommitRequest) -> CorruptData:
    msg = f"object `{request.sha256[:12]}` is being removed"
    return CorruptData(msg, hint="store it again")
