"""`ports.ObjectKeeper` over a folder of files, beside `files.FileObjects`."""

from __future__ import annotations

import asyncio
import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from wombat_gitops.ports import HeldObject, Holdings, Upload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_PART: Final = ".part-"
_CHUNK: Final = 1 << 20


class FileKeeper:
    """Looks after a folder of objects; one process at a time. Files of other names are left alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def holdings(self) -> Holdings:
        """What there is; see `ports.ObjectKeeper.holdings`."""
        return await asyncio.to_thread(self._holdings)

    async def find(self, sha256: str) -> HeldObject | None:
        """One object; see `ports.ObjectKeeper.find`."""
        return _held(self._folder / sha256)

    async def verify(self, held: HeldObject, pace: Callable[[int], Awaitable[None]]) -> bool:
        """Read all bytes of an object; see `ports.ObjectKeeper.verify`."""
        digest = hashlib.sha256()
        try:
            with (self._folder / held.sha256).open("rb") as file:
                while data := await asyncio.to_thread(file.read, _CHUNK):
                    digest.update(data)
                    await pace(len(data))
        except FileNotFoundError:
            return False
        return digest.hexdigest() == held.sha256

    async def delete(self, held: HeldObject) -> bool:
        """Remove exactly *held*; see `ports.ObjectKeeper.delete`."""
        if _held(self._folder / held.sha256) != held:
            return False
        (self._folder / held.sha256).unlink()
        return True

    async def discard(self, uploads: Sequence[Upload]) -> int:
        """Remove uploads; see `ports.ObjectKeeper.discard`."""
        gone = [upload for upload in uploads if (self._folder / upload.id).exists()]
        for upload in gone:
            (self._folder / upload.id).unlink(missing_ok=True)
        return len(gone)

    def _holdings(self) -> Holdings:
        paths = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        objects = (_held(path) for path in paths if _DIGEST.fullmatch(path.name))
        parts = (path for path in paths if path.name.startswith(_PART))
        uploads = tuple(Upload(path.name, path.stat().st_size) for path in parts)
        return Holdings(tuple(held for held in objects if held is not None), uploads)


def _held(path: Path) -> HeldObject | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    stored_at = datetime.fromtimestamp(status.st_mtime, UTC)
    return HeldObject(path.name, status.st_size, stored_at, status.st_mtime_ns)
