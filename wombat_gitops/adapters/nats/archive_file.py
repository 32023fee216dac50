"""The file that a backup is: a tar, compressed by gzip where its name ends so.

    wombat.json                          what this is, and the archive's id
    records/<bucket>/<digest>.jsonl      keys and values of a bucket, some MiB a member
    logs/<digest>.jsonl                  messages of the stream `LOGS`
    objects/<digest>                     bytes of an object
    index/<digest>.json                  how many of each there are, and a digest over the names of all members

Each member has the SHA-256 of its bytes in its name, and the index closes the file, so that nothing of a file that
was cut off or changed is ever taken. That is no signature: who can write the file can write another one.

Everything here is plain blocking code for a thread.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final

from wombat_gitops.adapters.files import file_digest
from wombat_gitops.domain.errors import CorruptData, NotFound
from wombat_gitops.domain.subjects import ARTIFACTS, LOGS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

FORMAT: Final = 1
SEGMENT: Final = 4 << 20
"""Bytes of records that one member holds, about."""

_HEAD: Final = "wombat.json"
_MEMBER: Final = re.compile(
    r"(?P<kind>records|logs|objects|index)/(?:(?P<bucket>[A-Za-z0-9_-]+)/)?(?P<sha256>[0-9a-f]{64})(?:\.jsonl?)?"
)
_LARGEST: Final = 64 << 20
"""Bytes of a member that is read as a whole."""
_BLOCK: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_BROKEN: Final = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a bucket and its value, byte for byte; None: it was removed while the archive was written."""

    key: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class LogMessage:
    """A message of the stream `LOGS`; *headers* are those that its writer set."""

    subject: str
    headers: Mapping[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class Records:
    """Some entries of one bucket."""

    bucket: str
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Logs:
    """Some messages of logs, in their order."""

    messages: Sequence[LogMessage]


@dataclass(frozen=True, slots=True)
class Index:
    """What closes an archive.

    Attributes:
        id: random text that marks what was restored from this archive.
        counts: entries by bucket, and objects and log messages by where they are.
        bytes: of all objects.
        members: how many members there are before the index, and *chain*, the SHA-256 of their names in order.
    """

    id: str
    counts: Mapping[str, int]
    bytes: int
    members: int
    chain: str


class Blob:
    """An object in an archive that is being read; take its bytes before the next member is asked for."""

    def __init__(self, sha256: str, size: int, source: IO[bytes]) -> None:
        self.sha256 = sha256
        self.size = size
        self.read = False
        self._source = source
        self._name = f"objects/{sha256}"

    def copy(self, target: IO[bytes] | None = None) -> None:
        """Write the bytes to *target*, or only look at them. Raises `CorruptData` where they are other ones."""
        self.read = True
        digest = hashlib.sha256()
        try:
            while data := self._source.read(_BLOCK):
                digest.update(data)
                if target is not None:
                    target.write(data)
        except _BROKEN as error:
            raise _altered(self._name) from error
        if digest.hexdigest() != self.sha256:
            raise _altered(self._name)


@dataclass(slots=True)
class _Tally:
    """What has passed by so far, when written as when read."""

    counts: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    members: int = 0
    chain: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, name: str, what: str, count: int, size: int = 0) -> None:
        self.counts[what] += count
        self.bytes += size
        self.members += 1
        self.chain.update(f"{name}\n".encode())

    def index(self, identity: str) -> Index:
        return Index(identity, dict(sorted(self.counts.items())), self.bytes, self.members, self.chain.hexdigest())


class ArchiveWriter:
    """Writes an archive into an open file, member by member.

    Args:
        identity: the archive's id.
        about: facts for people who look into the file.
        packed: compress.
    """

    def __init__(self, file: IO[bytes], identity: str, about: Mapping[str, Any], *, packed: bool) -> None:
        self._identity = identity
        self._outer = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) if packed else None
        self._tar = tarfile.open(  # noqa: SIM115 - closed by `close`
            fileobj=self._outer or file, mode="w|", bufsize=_BLOCK, format=tarfile.GNU_FORMAT
        )
        self._tally = _Tally()
        self._add(_HEAD, json.dumps({"format": FORMAT, "id": identity, **about}).encode())

    def records(self, records: Records) -> None:
        """Add entries of a bucket."""
        data = _lines(
            {"key": each.key, "value": None if each.value is None else _text(each.value)} for each in records.entries
        )
        name = f"records/{records.bucket}/{hashlib.sha256(data).hexdigest()}.jsonl"
        self._add(name, data)
        self._tally.add(name, records.bucket, _present(records.entries))

    def logs(self, logs: Logs) -> None:
        """Add messages of logs."""
        data = _lines(
            {"subject": each.subject, "headers": dict(each.headers), "data": _text(each.data)} for each in logs.messages
        )
        name = f"logs/{hashlib.sha256(data).hexdigest()}.jsonl"
        self._add(name, data)
        self._tally.add(name, LOGS, len(logs.messages))

    def object(self, sha256: str, path: Path) -> None:
        """Add an object from a file. Raises `CorruptData` where the file has other bytes."""
        found, size = file_digest(path)
        if found != sha256:
            msg = f"the bytes of object `{sha256[:12]}` are other ones"
            raise CorruptData(msg)
        name = f"objects/{sha256}"
        with path.open("rb") as file:
            self._tar.addfile(_info(name, size), file)
        _forget(self._tar)
        self._tally.add(name, ARTIFACTS, 1, size)

    def close(self) -> Index:
        """Write the index and what the formats end with."""
        index = self._tally.index(self._identity)
        data = json.dumps(asdict(index), indent=1).encode()
        self._add(f"index/{hashlib.sha256(data).hexdigest()}.json", data)
        self._tar.close()
        if self._outer is not None:
            self._outer.close()
        return index

    def _add(self, name: str, data: bytes) -> None:
        self._tar.addfile(_info(name, len(data)), io.BytesIO(data))
        _forget(self._tar)


class ArchiveReader:
    """Reads an archive, as often as wanted, each time from its beginning.

    Raises:
        NotFound: there is no such file.
        CorruptData: it is not an archive, was cut off, or was changed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.id = ""
        with self._open() as tar:
            self._head(tar)

    def members(self) -> Generator[Records | Logs | Blob | Index]:
        """Every member in order, the index last, each one checked. Raises `CorruptData`."""
        tally = _Tally()
        index: Index | None = None
        with self._open() as tar:
            try:
                self._head(tar)
                while (info := tar.next()) is not None:
                    _forget(tar)
                    if index is not None:
                        raise _altered(info.name)
                    member = self._member(tar, info, tally)
                    yield member
                    if isinstance(member, Blob) and not member.read:
                        member.copy()
                    if isinstance(member, Index):
                        index = member
            except (*_BROKEN, OSError, ValueError, KeyError, TypeError) as error:
                raise self._cut(error) from error
        if index is None:
            raise self._cut()

    def check(self) -> Index:
        """Read everything once. Raises `CorruptData`."""
        found: Index | None = None
        for member in self.members():
            found = member if isinstance(member, Index) else None
        if found is None:
            raise self._cut()
        return found

    def _member(self, tar: tarfile.TarFile, info: tarfile.TarInfo, tally: _Tally) -> Records | Logs | Blob | Index:
        match = _MEMBER.fullmatch(info.name)
        source = tar.extractfile(info) if info.isreg() else None
        if match is None or source is None:
            raise _altered(info.name)
        if match["kind"] == "objects":
            tally.add(info.name, ARTIFACTS, 1, info.size)
            return Blob(match["sha256"], info.size, source)
        if info.size > _LARGEST:
            raise _altered(info.name)
        data = source.read()
        if hashlib.sha256(data).hexdigest() != match["sha256"]:
            raise _altered(info.name)
        if match["kind"] == "index":
            index = Index(**json.loads(data))
            if index != tally.index(self.id):
                raise _altered(info.name)
            return index
        lines = [json.loads(line) for line in data.splitlines()]
        if match["kind"] == "logs":
            tally.add(info.name, LOGS, len(lines))
            return Logs([LogMessage(line["subject"], line["headers"], _bytes(line["data"])) for line in lines])
        entries = [_entry(line) for line in lines]
        tally.add(info.name, match["bucket"], _present(entries))
        return Records(match["bucket"], entries)

    def _open(self) -> tarfile.TarFile:
        try:
            with self._path.open("rb") as probe:
                packed = probe.read(2) == _GZIP
            return tarfile.open(self._path, mode="r|gz" if packed else "r|", bufsize=_BLOCK)
        except (FileNotFoundError, IsADirectoryError) as error:
            msg = f"there is no archive `{self._path}`"
            raise NotFound(msg) from error
        except (*_BROKEN, OSError) as error:
            raise self._cut(error) from error

    def _head(self, tar: tarfile.TarFile) -> None:
        try:
            info = tar.next()
            source = tar.extractfile(info) if info is not None and info.name == _HEAD else None
            head = json.loads(source.read(_BLOCK)) if source is not None else {}
            known, identity = head.get("format") == FORMAT, str(head.get("id", ""))
        except (*_BROKEN, OSError, ValueError, AttributeError) as error:
            raise self._cut(error) from error
        if not known or self.id not in {"", identity}:
            msg = f"`{self._path}` is not an archive that this version reads"
            raise CorruptData(msg, hint="was it written by `wombat backup`, and by no newer version?")
        self.id = identity

    def _cut(self, error: Exception | None = None) -> CorruptData:
        msg = f"the archive `{self._path}` is not whole: {error or 'its index is missing'}"
        return CorruptData(msg, hint="nothing of it was used; take another copy")


def _altered(name: str) -> CorruptData:
    msg = f"the archive was changed: `{name[:100]}` is not what was written"
    return CorruptData(msg, hint="nothing of it was used; take another copy")


def _forget(tar: tarfile.TarFile) -> None:
    """Keep no list of members: there may be a million of them."""
    tar.members = []  # type: ignore[attr-defined]


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def _lines(items: Iterator[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(item, separators=(",", ":")).encode() + b"\n" for item in items)


def _present(entries: Sequence[Entry]) -> int:
    return sum(entry.value is not None for entry in entries)


def _entry(line: Mapping[str, Any]) -> Entry:
    return Entry(str(line["key"]), None if line["value"] is None else _bytes(line["value"]))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
