"""The compile cache that all builds share: read-only for every build, and nothing is in it that was not checked.

Go takes what is in its cache unseen: whoever can write there owns each later build. So a build writes to a layer of its
own, and what it leaves there is taken over afterwards: outputs are named by their SHA-256, entries must have Go's
exact form. Each file is noted with its size, inode and time of change; one that differs later is thrown away, and so is
one that nobody noted.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from pydantic import TypeAdapter, ValidationError

from wombat_gitops.adapters.files import replace_bytes
from wombat_gitops.adapters.sandbox.bubblewrap import gives_up_root
from wombat_gitops.adapters.sandbox.enclosure import give_to_sandbox, is_given_to_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME: Final = re.compile(r"[0-9a-f]{64}-[ad]")
_ENTRY: Final = re.compile(rb"v1 ([0-9a-f]{64}) ([0-9a-f]{64}) +(\d+) +(\d+)\n")
"""Action, output, size in bytes, nanoseconds since 1970; `cmd/go/internal/cache`."""

_NEVER: Final = 4_102_444_800
"""2100-01-01. Go touches an entry that it uses when its time is an hour old, which would copy it into the layer, and
removes those that are five days old."""

_LOCK_SECONDS: Final = 10.0
"""The lock is held for parts of a second; after a cold build of all there is, for some seconds."""
_LOCK_POLL: Final = 0.01

_TRIMMED_SECONDS: Final = 12 * 3600
"""Go looks for old entries once a day, judged by `trim.txt`."""

MOST_BYTES: Final = 20 << 30
"""What is kept; all of Connect for six platforms takes about half of that. The oldest go first."""

_Mark: TypeAlias = tuple[int, int, int]
"""Size in bytes, inode, and time of change in nanoseconds, which no program can set."""


_INDEX: Final = TypeAdapter(dict[str, _Mark])


class CompileCache:
    """The shared folder, in Go's own layout; any number of processes may use it."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder
        self._index = folder / "wombat-index.json"
        self._most_bytes = most_bytes

    def sound(self) -> int:
        """Make the folder fit to be used by a build; returns how many files were thrown away.

        Raises:
            OSError: as `promote` does; the folder must not be used then.
        """
        with self._alone():
            index = self._read()
            dropped, seen = 0, set[str]()
            for file in self._files():
                seen.add(file.name)
                mark = index.get(file.name)
                if mark is None or mark != _mark(file.stat(follow_symlinks=False)):
                    _remove(file)
                    index.pop(file.name, None)
                    dropped += 1
            for name in index.keys() - seen:
                del index[name]
                dropped += 1
            if dropped:
                dropped += self._drop_entries_without_output(index)
                self._write(index)
            self._keep_from_trimming()
            return dropped

    def promote(self, layer: Path) -> int:
        """Take over what a build without C has left in its layer; returns how many files that were.

        Raises:
            OSError: there is no room, the folder is another user's, or the lock is held for too long. What was taken
                over until then is thrown away by the next `sound`.
        """
        with self._alone():
            index = self._read()
            found = dict(_written(layer))
            outputs = {name: path for name, path in found.items() if name.endswith("-d") and _is_output(path)}
            sizes = {name: path.stat().st_size for name, path in outputs.items()}
            sizes |= {name: mark[0] for name, mark in index.items() if name.endswith("-d")}
            entries = {name: path for name, path in found.items() if _is_entry(path, sizes)}
            taken = 0
            # Outputs first: an entry must never name one that is not there.
            for name, path in (*outputs.items(), *entries.items()):
                if name not in index:
                    index[name] = self._take(path)
                    taken += 1
            if taken:
                self._keep_within(index)
                self._write(index)
            return taken

    def _take(self, path: Path) -> _Mark:
        target = self._place(path.name)
        part = target.with_suffix(".part")  # the layer may be on another disk
        try:
            path.replace(part)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copyfile(path, part, follow_symlinks=False)
        part.chmod(0o444)
        if gives_up_root():
            os.chown(part, 0, 0)
        os.utime(part, (_NEVER, _NEVER))
        part.replace(target)
        return _mark(target.stat())

    def _keep_within(self, index: dict[str, _Mark]) -> None:
        """The index is in the order in which files came. A tenth more goes than has to, so that this is rare."""
        total = sum(mark[0] for mark in index.values())
        if total <= self._most_bytes:
            return
        for name in list(index):
            if total <= self._most_bytes * 9 // 10:
                break
            total -= index.pop(name)[0]
            self._place(name).unlink(missing_ok=True)
        self._drop_entries_without_output(index)

    def _drop_entries_without_output(self, index: dict[str, _Mark]) -> int:
        """Go would write such an entry anew, may not, as it is not its own, and then finds its own packages no more."""
        dropped = 0
        for name in [each for each in index if each.endswith("-a")]:
            place = self._place(name)
            found = _ENTRY.fullmatch(place.read_bytes())
            if found is None or f"{found[2].decode()}-d" not in index:
                place.unlink()
                del index[name]
                dropped += 1
        return dropped

    def _place(self, name: str) -> Path:
        return self.folder / name[:2] / name

    def _files(self) -> Iterator[os.DirEntry[str]]:
        for number in range(256):
            yield from os.scandir(self.folder / f"{number:02x}")

    def _keep_from_trimming(self) -> None:
        note = self.folder / "trim.txt"
        now = time.time()
        if not note.exists() or now - note.stat().st_mtime > _TRIMMED_SECONDS:
            note.write_text(f"{int(now)}", encoding="ascii")

    def _read(self) -> dict[str, _Mark]:
        with contextlib.suppress(OSError, ValidationError):
            return _INDEX.validate_json(self._index.read_bytes())
        return {}

    def _write(self, index: dict[str, _Mark]) -> None:
        replace_bytes(self._index, _INDEX.dump_json(index))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        if not (self.folder / "README").exists() or not is_given_to_sandbox(self.folder / "00"):
            for number in range(256):
                (self.folder / f"{number:02x}").mkdir(parents=True, exist_ok=True)
                # In an overlay the owner of a folder may add files to its own layer, and this folder stays as it is.
                give_to_sandbox(self.folder / f"{number:02x}")
            (self.folder / "README").touch()  # else each build writes its own
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            _lock(descriptor)
            yield
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Wait for the lock, but not for a process that was frozen while it had it; raises BlockingIOError then."""
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(_LOCK_POLL)
        else:
            return


def _written(layer: Path) -> Iterator[tuple[str, Path]]:
    """Regular files of a layer that are named as Go names them; links and all else are left where they are."""
    if not layer.is_dir():
        return
    for folder in os.scandir(layer):
        if len(folder.name) == 2 and folder.is_dir(follow_symlinks=False):  # noqa: PLR2004 - the first byte in hex
            for entry in os.scandir(folder):
                named = _NAME.fullmatch(entry.name) and entry.name.startswith(folder.name)
                if named and entry.is_file(follow_symlinks=False):
                    yield entry.name, Path(entry.path)


def _is_output(path: Path) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == path.name[:64]


def _is_entry(path: Path, sizes: dict[str, int]) -> bool:
    if not path.name.endswith("-a"):
        return False
    with path.open("rb") as file:
        found = _ENTRY.fullmatch(file.read(200))
    if found is None or found[1].decode() != path.name[:64]:
        return False
    return sizes.get(f"{found[2].decode()}-d") == int(found[3])


def _mark(stat: os.stat_result) -> _Mark:
    return (stat.st_size, stat.st_ino, stat.st_ctime_ns)


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        os.chmod(entry.path, 0o700)  # noqa: PTH101 - a listing gives texts
        for inner in os.scandir(entry.path):
            _remove(inner)
        os.rmdir(entry.path)  # noqa: PTH106
    else:
        os.unlink(entry.path)  # noqa: PTH108
