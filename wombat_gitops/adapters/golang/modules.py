"""The module store: what the fetch step puts there is compared with go.sum before each build, file by file.

Go itself verifies a module when it downloads it and never again. Here the digest of each extracted module that a build
uses is compared with the lock, unless none of its files has changed since the last comparison: their inodes, sizes and
times of change (ctime, which no program can set) are noted.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wombat_gitops.adapters.files import remove_tree, replace_bytes
from wombat_gitops.domain.model import Module

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class StoredModule:
    """A module extracted in the store; `folder` is relative to it, with Go's spelling of capitals (`!b` for `B`)."""

    module: Module
    folder: str


def stored_module(folder: str) -> StoredModule:
    """The module of a folder below the store, `github.com/!azure/x@v1.0.0`."""
    path, _, version = folder.rpartition("@")
    return StoredModule(Module(_unescaped(path), _unescaped(version)), folder)


def digests(go_sum: str) -> dict[Module, str]:
    """The `h1:` digest of each module whose content go.sum names."""
    lines = (line.split() for line in go_sum.splitlines())
    return {
        Module(fields[0], fields[1]): fields[2]
        for fields in lines
        if len(fields) == 3 and not fields[1].endswith("/go.mod")  # noqa: PLR2004 - path, version, digest
    }


class ModuleStore:
    """GOMODCACHE, and what is known of its modules.

    Args:
        root: GOMODCACHE.
        notes: folder of the notes; no build sees it.
    """

    def __init__(self, root: Path, notes: Path) -> None:
        self._root = root
        self._notes = notes

    def differing(self, modules: Iterable[StoredModule], go_sum: str) -> tuple[StoredModule, ...]:
        """Those of *modules* whose files are not what *go_sum* says, or that it does not name."""
        expected = digests(go_sum)
        return tuple(each for each in modules if not self._is_good(each, expected.get(each.module, "")))

    def discard(self, stored: StoredModule) -> None:
        """Remove a module with its download, so that the next fetch gets it again."""
        remove_tree(self._root / stored.folder)
        path, _, version = stored.folder.rpartition("@")
        downloads = self._root / "cache" / "download" / path / "@v"
        for suffix in ("zip", "ziphash", "mod", "info", "lock"):
            (downloads / f"{version}.{suffix}").unlink(missing_ok=True)

    def _is_good(self, stored: StoredModule, expected: str) -> bool:
        if not expected:
            return False
        folder = self._root / stored.folder
        note = self._notes / f"{hashlib.sha256(stored.folder.encode()).hexdigest()}"
        state = f"{expected} {_state(folder)}".encode()
        with contextlib.suppress(OSError):
            if note.read_bytes() == state:
                return True
        if _h1(folder, str(stored.module)) != expected:
            return False
        replace_bytes(note, state)
        return True


def _state(folder: Path) -> str:
    """A digest of what the file system says of every file and folder below *folder*."""
    lines = [f"{path} {s.st_mode} {s.st_size} {s.st_ino} {s.st_ctime_ns}" for path, s in _walk(folder)]
    return hashlib.sha256("\0".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()


def _h1(folder: Path, module: str) -> str:
    """The digest as in go.sum (`golang.org/x/mod/sumdb/dirhash`, Hash1); "" where there is a link or device."""
    lines = []
    for path, status in _walk(folder):
        if stat.S_ISDIR(status.st_mode):
            continue
        if not stat.S_ISREG(status.st_mode):
            return ""
        with Path(path).open("rb") as file:
            name = f"{module}/{Path(path).relative_to(folder).as_posix()}"
            lines.append((name, f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n"))
    whole = hashlib.sha256("".join(line for _, line in sorted(lines)).encode()).digest()
    return f"h1:{base64.b64encode(whole).decode()}"


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    folders = [str(folder)]
    while folders:
        here = folders.pop()
        with os.scandir(here) as listing:
            for entry in listing:
                yield entry.path, entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)


def _unescaped(text: str) -> str:
    first, *rest = text.split("!")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
