"""Verify: is everything there that records name, and does it have the bytes that it was stored with?

Records are parsed; module files and objects are read and hashed. That finds loss and damage. It does not find an
artifact that was wrong when it was stored: whether bytes are what the inputs of a build give, only building it again
can tell (`services.rebuild`). Leases and the messages of `LOGS` are not looked at.
"""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.nats.archive_source import KEPT, Held
from wombat_gitops.adapters.nats.bucket import Bucket, is_tombstone
from wombat_gitops.adapters.nats.objects import read_chunks, read_meta
from wombat_gitops.adapters.nats.retrying import PATIENCE, persist
from wombat_gitops.domain import messages
from wombat_gitops.domain.catalogue import DistributionRecord, SourceRecord
from wombat_gitops.domain.errors import CorruptData, NotFound
from wombat_gitops.domain.identity import digest
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.domain.references import Flaw, named_objects
from wombat_gitops.domain.subjects import ARTIFACTS, BUILDS, DISTRIBUTIONS, INPUTS, SOURCES

if TYPE_CHECKING:
    from wombat_gitops.adapters.nats.archive_source import Stored
    from wombat_gitops.adapters.nats.connection import Connection

_MAX_TEXT: Final = 16 << 20
_KINDS: Final = {DISTRIBUTIONS: DistributionRecord, SOURCES: SourceRecord}


@dataclass(slots=True)
class Verified:
    """What was looked at, by where it is, and everything that is wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    flaws: list[Flaw] = field(default_factory=list)


async def verify(connection: Connection) -> Verified:
    """Read every record and every object.

    Roles may go on meanwhile: what seems wrong of a record is looked at again where the record has changed since.

    Raises:
        NotFound: there is nothing on this broker.
        Unreachable: the broker went away for longer than half a minute.
    """
    job = _Verify(connection)
    await job.records()
    await job.objects()
    if not any(job.found.counts.values()):
        msg = "there is nothing on this broker"
        raise NotFound(msg, hint="is it the broker that the service uses?")
    return job.found


class _Verify:
    def __init__(self, connection: Connection) -> None:
        self.found = Verified()
        self._connection = connection
        self._held = Held(connection)
        self._inputs: dict[str, str] = {}
        self._objects: dict[str, tuple[int, str]] = {}

    async def records(self) -> None:
        for bucket in (INPUTS, *(name for name in KEPT if name != INPUTS)):
            async for stored in self._held.entries(bucket):
                for each in stored:
                    await self._record(bucket, each)

    async def objects(self) -> None:
        """Look at those, too, that no record names: equal bytes are not stored again while they are there."""
        async for meta in self._held.objects():
            if isinstance(meta, Flaw):
                self.found.flaws.append(meta)
            elif problem := await self._object(meta.name, meta.size):
                self._flaw(ARTIFACTS, meta.name, problem)
        self.found.counts[ARTIFACTS] = len(self._objects)

    async def _record(self, bucket: str, stored: Stored) -> None:
        key, value = stored.entry.key, stored.entry.value
        if value is None:
            return
        self.found.counts[bucket] += 1
        problems = await self._problems(bucket, key, value)
        if problems:
            newest = await Bucket(self._connection, bucket, PATIENCE).newest(key)
            if newest is None or newest.sequence != stored.sequence:
                return  # it comes again, as it is now, or is gone
        for problem in problems:
            self._flaw(bucket, key, problem)

    async def _problems(self, bucket: str, key: str, value: bytes) -> list[str]:
        if bucket == INPUTS:
            problem = self._inputs[key] = _text_problem(key, value)
            return [problem] if problem else []
        try:
            if bucket == BUILDS:
                return await self._build_problems(key, messages.decode(BuildRecord, value))
            if bucket in _KINDS:
                messages.decode(_KINDS[bucket], value)
        except CorruptData as error:
            return [error.message]
        return []

    async def _build_problems(self, key: str, record: BuildRecord) -> list[str]:
        inputs = (("go.mod", record.spec.go_mod), ("go.sum", record.spec.go_sum))
        found = [
            ("it", "" if record.id == key else f"is the record of build `{record.id[:12]}`"),
            *[(f"its {role} `{name[:12]}`", await self._input(name)) for role, name in inputs],
            *[
                (f"its {named.role} `{named.sha256[:12]}`", await self._object(named.sha256, named.size))
                for named in named_objects(record)
            ],
        ]
        return [f"{what} {problem}" for what, problem in found if problem]

    async def _input(self, name: str) -> str:
        """What is wrong with a module file, or ""; one that was stored since they were read is read now."""
        if name not in self._inputs:
            found = await Bucket(self._connection, INPUTS, PATIENCE).newest(name)
            self._inputs[name] = (
                "is missing" if found is None or is_tombstone(found) else _text_problem(name, found.data)
            )
        return self._inputs[name]

    async def _object(self, sha256: str, size: int) -> str:
        """What is wrong with an object, or ""; each is read once."""
        if sha256 not in self._objects:
            self._objects[sha256] = await self._read(sha256)
        found, problem = self._objects[sha256]
        if problem or found == size:
            return problem
        return f"has {found} bytes, not {size}"

    async def _read(self, sha256: str) -> tuple[int, str]:
        """The size of an object, and what is wrong with its bytes."""
        try:
            meta = await persist(lambda: read_meta(self._connection, sha256), PATIENCE)
        except CorruptData as error:
            return 0, error.message
        if meta is None or meta.deleted:
            return 0, "is missing"
        found, size = hashlib.sha256(), 0
        first = meta.ranges[0][0] if meta.ranges else 1
        async for chunks in read_chunks(self._connection, meta.nuid, first, PATIENCE, chunks=meta.chunks):
            for chunk in chunks:
                found.update(chunk.data)
                size += len(chunk.data)
                await asyncio.sleep(0)
        self.found.bytes += size
        if size != meta.size:
            return size, f"is damaged: {size} of its {meta.size} bytes are there"
        return size, "" if found.hexdigest() == sha256 else "is damaged: its bytes have another digest"

    def _flaw(self, kind: str, key: str, problem: str) -> None:
        self.found.flaws.append(Flaw(kind, key, problem))


def _text_problem(name: str, data: bytes) -> str:
    """What is wrong with a stored module file, or ""."""
    try:
        text = messages.decode(str, zlib.decompressobj().decompress(data, _MAX_TEXT))
    except (zlib.error, CorruptData):
        return "cannot be read"
    return "" if digest(text) == name else "is damaged: its text has another digest"
