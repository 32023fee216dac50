"""Ports kept in a folder, for `wombat apply --local`: the same engine with no broker."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import quote, unquote

from wombat_gitops.adapters.files import FileObjects, replacing, sync_folder
from wombat_gitops.adapters.memory import MemoryStore
from wombat_gitops.domain import messages
from wombat_gitops.domain.errors import CorruptData, Refused
from wombat_gitops.ports import Versioned

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

T = TypeVar("T")

FolderObjects = FileObjects
"""`ports.ObjectStore` in a folder."""

_SUFFIX: Final = ".json"
_REVISION: Final = ".revision"
_LOCK: Final = ".lock"


class FolderLock:
    """The right of one process to a folder; the system takes it back when the process ends.

    Attributes:
        file: what is locked; whoever deletes it lets others in.
    """

    def __init__(self, folder: Path, *, hint: str) -> None:
        """Take the folder.

        Raises:
            Refused: another process has it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / _LOCK
        self._descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            msg = f"`{folder}` is in use by another process"
            raise Refused(msg, hint=hint) from error

    def release(self) -> None:
        """Give the folder back."""
        os.close(self._descriptor)


class FolderStore(MemoryStore[T]):
    """`ports.Store` in a folder of JSON files, one a key; one process at a time.

    A write is on the disk before it is seen. Use as a context manager, or call `close`.

    Attributes:
        lock_file: what keeps others out.
    """

    def __init__(self, folder: Path, kind: type[T]) -> None:
        """Read the folder.

        Raises:
            Refused: another process has it.
            CorruptData: a file in it is not a stored value.
        """
        self._folder = folder
        self._lock = FolderLock(folder, hint="wait until the other run has ended")
        self.lock_file = self._lock.file
        try:
            entries = {entry.key: entry for entry in _load(folder, kind)}
            revision = max([_last_revision(folder), *(entry.revision for entry in entries.values())])
        except BaseException:
            self._lock.release()
            raise
        super().__init__(entries, revision, self._save)

    def close(self) -> None:
        """Give the folder back; the store must not be used afterwards."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _save(self, key: str, entry: Versioned[T] | None, revision: int) -> None:
        path = self._folder / (quote(key, safe="") + _SUFFIX)
        if entry is None:
            with replacing(self._folder / _REVISION) as file:
                file.write(str(revision).encode())
            path.unlink(missing_ok=True)
            sync_folder(self._folder)
            return
        document = {"revision": revision, "value": json.loads(messages.encode(entry.value))}
        with replacing(path) as file:
            file.write(json.dumps(document, ensure_ascii=False).encode())


def _load(folder: Path, kind: type[T]) -> list[Versioned[T]]:
    return [_read(path, kind) for path in sorted(folder.glob("*" + _SUFFIX))]


def _read(path: Path, kind: type[T]) -> Versioned[T]:
    try:
        document = json.loads(path.read_bytes())
        value = messages.decode(kind, json.dumps(document["value"]).encode())
        return Versioned(unquote(path.name.removesuffix(_SUFFIX)), value, int(document["revision"]))
    except (ValueError, KeyError, TypeError, CorruptData) as error:
        msg = f"`{path}` is not a stored {kind.__name__}"
        raise CorruptData(msg, hint="move the file away") from error


def _last_revision(folder: Path) -> int:
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int((folder / _REVISION).read_text())
    return 0
