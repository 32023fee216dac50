"""Files that are either whole or not there, and a content-addressed folder of them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import secrets
import stat
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from wombat_gitops.domain.errors import CorruptData, NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK: Final = 1 << 20
_DEEP: Final = 32
"""Folders in folders that are removed where they are; Go modules have about ten."""
_KEY: Final = re.compile(r"[-/_=A-Za-z0-9]+(\.[-/_=A-Za-z0-9]+)*")


def check_key(key: str) -> str:
    """Return *key* if every kind of store can hold it.

    Raises:
        Refused: it has other characters than letters, digits and `-/_=.`, or an empty part.
    """
    if not _KEY.fullmatch(key):
        msg = f"`{key[:80]}` cannot be a key"
        raise Refused(msg)
    return key


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of *target* when the block ends well, durably and at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".part-")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(target.parent)


def replace_bytes(target: Path, data: bytes) -> None:
    """Put *data* in the place of *target*, as `replacing` does."""
    with replacing(target) as file:
        file.write(data)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in *folder* survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_digest(path: Path) -> tuple[str, int]:
    """SHA-256 (hex) and size in bytes of a file."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        return found, file.tell()


class FileObjects:
    """`ports.ObjectStore` in a folder: one file an object, named by its digest.

    A stored file that no longer verifies is mended by the next `put` of the same bytes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, path: Path, sha256: str, size: int) -> None:
        """Copy a file into the folder; see `ports.ObjectStore.put`."""
        await asyncio.to_thread(self._put, path, sha256, size)

    async def fetch(self, sha256: str, size: int, target: Path) -> None:
        """Copy an object to *target*; see `ports.ObjectStore.fetch`."""
        await asyncio.to_thread(self._fetch, sha256, size, target)

    async def size(self, sha256: str) -> int | None:
        """The size of an object in bytes, or None where there is none."""
        try:
            return self._place(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def _place(self, sha256: str) -> Path:
        return self._folder / check_key(sha256).replace("/", "_")

    def _put(self, path: Path, sha256: str, size: int) -> None:
        target = self._place(sha256)
        if target.exists() and file_digest(target) == (sha256, size):
            os.utime(target)  # it is wanted: nobody clears it away now
            return
        _copy(path, target, sha256, size)

    def _fetch(self, sha256: str, size: int, target: Path) -> None:
        try:
            _copy(self._place(sha256), target, sha256, size)
        except FileNotFoundError as error:
            msg = f"there is no object `{sha256[:12]}`"
            raise NotFound(msg) from error


def _copy(source: Path, target: Path, sha256: str, size: int) -> None:
    digest = hashlib.sha256()
    copied = 0
    with source.open("rb") as reader, replacing(target) as writer:
        while data := reader.read(_CHUNK):
            digest.update(data)
            copied += len(data)
            writer.write(data)
        if (digest.hexdigest(), copied) != (sha256, size):
            msg = f"the bytes of object `{sha256[:12]}` do not have its digest and size"
            raise CorruptData(msg)


def remove_tree(folder: Path) -> None:
    """Remove *folder* and everything in it, however deep, also what is read-only; no error where it is not there.

    A hostile program can leave folders in folders until no path to them is short enough: those are moved up first.
    """
    if folder.is_symlink():
        folder.unlink()
    if not folder.exists():
        return
    rest, moved, emptied = [folder], 0, list[Path]()
    while rest:
        here = rest.pop()
        here.chmod(stat.S_IRWXU)
        emptied.append(here)
        with os.scandir(here) as listing:
            for entry in listing:
                path = Path(entry.path)
                if not entry.is_dir(follow_symlinks=False):
                    path.unlink()
                    continue
                if len(path.parts) - len(folder.parts) > _DEEP:
                    moved += 1
                    path.chmod(stat.S_IRWXU)
                    path = path.rename(folder / f"{secrets.token_hex(8)}-{moved}")
                rest.append(path)
    for each in reversed(emptied):
        each.rmdir()
