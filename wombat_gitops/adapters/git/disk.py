"""What lies in a folder of a work tree: files by path with the ids git would give them; nothing is followed."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.git.objects import MAX_FILE, REGULAR, blob_id, path_text
from wombat_gitops.domain.errors import Refused, Unreachable
from wombat_gitops.domain.sourceplace import SourceProblem, unusable_folder
from wombat_gitops.ports import TreeEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_LINK: Final = "120000"
_SUBMODULE: Final = "160000"
_SUBMODULE_PATH: Final = re.compile(r"^\s*path\s*=\s*(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """A file or symbolic link on disk."""

    path: str
    place: bytes
    state: os.stat_result

    @property
    def fingerprint(self) -> tuple[int, int, int, int]:
        """Changes whenever the content may have changed."""
        return self.state.st_ino, self.state.st_size, self.state.st_mtime_ns, self.state.st_ctime_ns


def check_folder_on_disk(root: Path, folder: str) -> None:
    """Refuse a folder of a work tree that no watcher could read from a commit.

    Args:
        root: top of the work tree, whatever it is.
        folder: relative to it, "" for the whole.

    Raises:
        UnusableSource: the folder is missing, or is something else.
    """
    parts = [part for part in folder.split("/") if part not in {"", "."}]
    for end in range(1, len(parts) + 1):
        part = "/".join(parts[:end])
        place = root / part
        if place.is_symlink():
            problem = SourceProblem.FOLDER_IS_LINK
        elif not place.exists():
            problem = SourceProblem.FOLDER_NOT_FOUND
        elif not place.is_dir():
            problem = SourceProblem.FOLDER_IS_FILE
        elif (place / ".git").exists() or (not any(place.iterdir()) and part in _submodules(root)):
            problem = SourceProblem.FOLDER_IS_SUBMODULE
        else:
            continue
        raise unusable_folder("/".join(parts), part, problem)


def _submodules(root: Path) -> frozenset[str]:
    """Paths of the submodules that the repository declares; one that was not fetched is an empty folder."""
    try:
        text = (root / ".gitmodules").read_text(errors="replace")
    except OSError:
        return frozenset()
    return frozenset(match[1].strip('"') for match in _SUBMODULE_PATH.finditer(text))


class Disk:
    """The files below *folder* of the work tree at *root*; remembers ids by what the file system says of a file."""

    def __init__(self, root: Path, folder: str) -> None:
        self._root = root
        self._folder = folder
        self._ids: dict[str, tuple[tuple[int, int, int, int], str, str]] = {}

    def scan(self) -> dict[str, Found]:
        """All files and links, by path from the root; other kinds of things and `.git` are left out.

        Raises:
            UnusableSource: the folder is missing, or is something else.
        """
        start = self._root / self._folder
        check_folder_on_disk(self._root, self._folder)
        return {found.path: found for found in _walk(os.fsencode(start), len(os.fsencode(self._root)) + 1)}

    def entries(self, found: Mapping[str, Found], committed: Mapping[str, TreeEntry]) -> tuple[TreeEntry, ...]:
        """Entries as git would list them; a file that holds what is committed is the committed entry."""
        entries = [entry for entry in committed.values() if entry.mode == _SUBMODULE]
        submodules = tuple(f"{entry.path}/" for entry in entries)
        for path, file in found.items():
            if submodules and path.startswith(submodules):
                continue
            entries.append(self._entry(file, committed.get(path)))
        self._ids = {path: known for path, known in self._ids.items() if path in found}
        return tuple(sorted(entries, key=lambda entry: entry.path))

    def _entry(self, file: Found, committed: TreeEntry | None) -> TreeEntry:
        if stat.S_ISLNK(file.state.st_mode):
            target = os.readlink(file.place)  # noqa: PTH115 - bytes: names need not be UTF-8
            return TreeEntry(file.path, blob_id(target, _algorithm(committed)), _LINK, len(target))
        wanted = committed.oid if committed is not None and committed.mode in REGULAR else ""
        known = self._ids.get(file.path)
        if known is None or known[:2] != (file.fingerprint, wanted):
            known = (file.fingerprint, wanted, self._identify(file, committed))
            self._ids[file.path] = known
        if committed is not None and known[2] == committed.oid:
            return committed
        mode = "100755" if file.state.st_mode & stat.S_IXUSR else "100644"
        return TreeEntry(file.path, known[2], mode, file.state.st_size)

    def _identify(self, file: Found, committed: TreeEntry | None) -> str:
        if file.state.st_size > MAX_FILE:
            return blob_id(repr(file.fingerprint).encode(), _algorithm(committed))
        return content_id(_read(file.place), committed.oid if committed else "")[0]

    def read(self, entry: TreeEntry, found: Mapping[str, Found]) -> bytes:
        """The bytes of a file, if they are still the ones of *entry*.

        Raises:
            Unreachable: the file was changed meanwhile.
        """
        file = found.get(entry.path)
        if file is not None:
            oid, data = content_id(_read(file.place), entry.oid)
            if oid == entry.oid:
                return data
        msg = f"`{entry.path}` was changed while it was read"
        raise Unreachable(msg)


def content_id(data: bytes, expected: str) -> tuple[str, bytes]:
    """The blob id of a file and the bytes it stands for.

    A checkout may have given lines other ends than the commit has; where the bytes are those of
    *expected* but for that, they count as unchanged.
    """
    algorithm = "sha256" if len(expected) == 64 else "sha1"  # noqa: PLR2004 - hex digits of SHA-256
    oid = blob_id(data, algorithm)
    if oid != expected and expected and b"\r\n" in data:
        plain = data.replace(b"\r\n", b"\n")
        if blob_id(plain, algorithm) == expected:
            return expected, plain
    return oid, data


def _algorithm(committed: TreeEntry | None) -> str:
    return "sha256" if committed is not None and len(committed.oid) == 64 else "sha1"  # noqa: PLR2004 - as above


def _walk(start: bytes, skip: int) -> Iterator[Found]:
    folders = [start]
    while folders:
        for item in _listing(folders.pop()):
            if item.name == b".git":
                continue
            try:
                state = item.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise _unreadable(item.path, error) from error
            if stat.S_ISDIR(state.st_mode):
                folders.append(item.path)
            elif stat.S_ISREG(state.st_mode) or stat.S_ISLNK(state.st_mode):
                yield Found(path_text(item.path[skip:]), item.path, state)


def _listing(folder: bytes) -> list[os.DirEntry[bytes]]:
    try:
        with os.scandir(folder) as listing:
            return list(listing)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(place: bytes, error: OSError) -> Refused:
    return Refused(f"`{path_text(place[-200:])}` cannot be read: {(error.strerror or 'unknown reason').lower()}")


def _read(place: bytes) -> bytes:
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            return file.read(MAX_FILE + 1)
    except FileNotFoundError as error:
        msg = f"`{path_text(place)}` was removed while it was read"
        raise Unreachable(msg) from error
    except OSError as error:
        raise _unreadable(place, error) from error
