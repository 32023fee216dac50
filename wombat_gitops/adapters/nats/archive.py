"""Backup: everything that is worth keeping, from a broker into a file.

What a record names was stored before it. So records are read first and what they name afterwards, and written the
other way round: no archive, and no broker that is being restored, ever has a record without what it names.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wombat_gitops.adapters.files import replacing
from wombat_gitops.adapters.nats.archive_file import ArchiveWriter, Index, Logs, Records
from wombat_gitops.adapters.nats.archive_source import KEPT, Held
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.infrastructure import kv_stream
from wombat_gitops.adapters.nats.objects import NatsObjects
from wombat_gitops.domain import messages
from wombat_gitops.domain.errors import CorruptData, NotFound
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.domain.references import Flaw, Named, named_objects
from wombat_gitops.domain.subjects import ARTIFACTS, BUILDS, INPUTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wombat_gitops.adapters.nats.archive_source import Stored
    from wombat_gitops.adapters.nats.connection import Connection

_PACKED: Final = (".gz", ".tgz")


@dataclass(frozen=True, slots=True)
class Saved:
    """What a backup holds, and what it could not take along because the broker does not have it whole."""

    index: Index
    left_out: tuple[Flaw, ...]


@dataclass(slots=True)
class _Seen:
    """What one backup has written."""

    ends: dict[str, int] = field(default_factory=dict)
    objects: set[str] = field(default_factory=set)
    left_out: dict[str, Flaw] = field(default_factory=dict)


async def backup(connection: Connection, target: Path, about: Mapping[str, Any]) -> Saved:
    """Write everything into the file *target*, which appears when it is whole.

    Roles may go on meanwhile: what they write is in the archive or is not, and nothing is there by half. Needs room
    for one object in the folder for temporary files.

    Raises:
        NotFound: there is nothing on this broker.
        Unreachable: the broker went away for longer than half a minute; there is no file then.
    """
    with replacing(target) as file:
        writer = ArchiveWriter(file, secrets.token_hex(8), about, packed=target.name.endswith(_PACKED))
        copy = _Backup(connection, writer)
        await copy.records()
        await copy.objects()
        await copy.what_changed()
        index = await asyncio.to_thread(writer.close)
        if not any(index.counts.values()):
            msg = "there is nothing on this broker"
            raise NotFound(msg, hint="is it the broker that the service uses?")
    return Saved(index, tuple(copy.seen.left_out.values()))


async def save_records(connection: Connection, target: Path) -> Index:
    """Write all records and logs, and no objects, into the file *target*."""
    with replacing(target) as file:
        writer = ArchiveWriter(file, secrets.token_hex(8), {}, packed=False)
        await _Backup(connection, writer).records()
        return await asyncio.to_thread(writer.close)


class _Backup:
    def __init__(self, connection: Connection, writer: ArchiveWriter) -> None:
        self.seen = _Seen()
        self._held = Held(connection)
        self._objects = reading(connection)
        self._writer = writer

    async def records(self) -> None:
        for bucket in KEPT:
            await self._bucket(bucket)
        async for lines in self._held.logs():
            await asyncio.to_thread(self._writer.logs, Logs(lines))

    async def objects(self) -> None:
        async for meta in self._held.objects():
            if isinstance(meta, Flaw):
                self.seen.left_out[meta.key] = meta
            else:
                await self._object(meta.name, meta.size)

    async def what_changed(self) -> None:
        """Take along what was written since, and make sure that every object is there that a record names."""
        since = self.seen.ends[BUILDS]
        async for stored in self._held.entries(BUILDS, since=since):
            for each in stored:
                for named in named_by(each):
                    if named.sha256 not in self.seen.objects:
                        what = f"the {named.role} of build `{each.entry.key[:12]}`"
                        await self._object(named.sha256, named.size, what)
            await self._write(BUILDS, stored, after=since)
        await self._bucket(INPUTS)

    async def _bucket(self, bucket: str) -> None:
        """Write the entries of a bucket, the second time only what has changed since."""
        after = self.seen.ends.get(bucket, 0)
        since = self.seen.ends.setdefault(bucket, await self._held.end(kv_stream(bucket)))
        async for stored in self._held.entries(bucket, since=since):
            await self._write(bucket, stored, after=after)

    async def _write(self, bucket: str, stored: Sequence[Stored], *, after: int) -> None:
        fresh = [each for each in stored if each.sequence > after]
        if fresh:
            await asyncio.to_thread(self._writer.records, Records(bucket, [each.entry for each in fresh]))
            self.seen.ends[bucket] = max(self.seen.ends[bucket], *(each.sequence for each in fresh))

    async def _object(self, sha256: str, size: int, what: str = "it") -> None:
        with tempfile.TemporaryDirectory(prefix="wombat-backup-") as folder:
            path = Path(folder) / "object"
            try:
                await self._objects.fetch(sha256, size, path)
                await asyncio.to_thread(self._writer.object, sha256, path)
            except (CorruptData, NotFound) as error:
                self.seen.left_out[sha256] = Flaw(ARTIFACTS, sha256, f"{what} was left out: {error.message}")
                return
        self.seen.objects.add(sha256)
        self.seen.left_out.pop(sha256, None)


def reading(connection: Connection) -> NatsObjects:
    """The objects of a broker, without the right to change them through a service."""
    return NatsObjects(connection, ObjectCommitter(connection))


def named_by(stored: Stored) -> Iterable[Named]:
    """The objects that an entry of the bucket `builds` names; none where it cannot be read."""
    if stored.entry.value is None:
        return ()
    try:
        return tuple(named_objects(messages.decode(BuildRecord, stored.entry.value)))
    except CorruptData:
        return ()
