"""Repositories made to do harm, written byte for byte."""

from __future__ import annotations

import contextlib
import hashlib
import struct
import threading
import zlib
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.git.test_watching import manifest
from tests.support.gitrepo import START, GitRepo
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.services.manifests import ManifestReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wombat_gitops.domain.declaration import Declaration

GOOD = manifest("good")


@dataclass(frozen=True)
class Entry:
    """An entry of a tree, written as it is: git itself would refuse most of these names."""

    name: bytes
    mode: str = "100644"
    oid: str = ""
    data: bytes = b"x: y\n"


class Hostile:
    """A repository whose trees are written byte for byte."""

    def __init__(self, path: Path) -> None:
        self.repo = GitRepo(path)
        self.repo.commit(GOOD)

    def object(self, kind: str, data: bytes) -> str:
        """Store an object as it is, without asking git what it thinks of it."""
        whole = b"%s %d\0" % (kind.encode(), len(data)) + data
        oid = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        place = self.repo.path / ".git" / "objects" / oid[:2] / oid[2:]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(zlib.compress(whole, 1))
        return oid

    def wide(self) -> str:
        """A tree of a few kilobytes that lists ten billion files."""
        blob = self.object("blob", b"x: y\n")
        tree = self.tree(*(Entry(b"%d.yaml" % number, oid=blob) for number in range(10)))
        for _ in range(9):
            tree = self.tree(*(Entry(b"%d" % number, "40000", tree) for number in range(10)))
        return tree

    def commit_as(self, tree: str, committer: str = f"{START} +0000") -> str:
        """Make a commit with that tree."""
        parent = self.repo.git("rev-parse", "HEAD")
        who = "somebody <somebody@localhost>"
        text = f"tree {tree}\nparent {parent}\nauthor {who} {START} +0000\ncommitter {who} {committer}\n\nharm\n"
        commit = self.object("commit", text.encode())
        self.repo.git("update-ref", "refs/heads/main", commit)
        return commit

    def tree(self, *entries: Entry) -> str:
        """A tree of *entries*, in the order in which they are given."""
        lines = [
            entry.mode.encode()
            + b" "
            + entry.name
            + b"\0"
            + bytes.fromhex(entry.oid or self.object("blob", entry.data))
            for entry in entries
        ]
        return self.object("tree", b"".join(lines))

    def commit(self, *entries: Entry, committer: str = f"{START} +0000", top: tuple[Entry, ...] = ()) -> str:
        """Make a commit with the good manifest and *entries* beside it."""
        good = self.repo.git("ls-tree", "HEAD:manifests").splitlines()
        kept = [
            Entry(line.split("\t")[1].encode(), line.split()[0].replace("040000", "40000"), line.split()[2])
            for line in good
            if "good" in line
        ]
        folder = self.tree(*sorted([*kept, *entries], key=lambda entry: entry.name))
        return self.commit_as(self.tree(*top, Entry(b"manifests", "40000", folder)), committer)

    async def read(self, mirror: Path) -> Declaration:
        source = RemoteSource(self.repo.url, "main", "manifests", mirror)
        return await ManifestReader(source).read()


def names(declaration: Declaration) -> list[str]:
    return [item.distribution.name for item in declaration.declared]


@contextlib.contextmanager
def serving(handler: Callable[..., SimpleHTTPRequestHandler]) -> Iterator[ThreadingHTTPServer]:
    """A server on a port of its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def programs_in(folder: Path) -> list[str]:
    """Command lines of programs that still work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_bytes().decode().replace("\0", " "))
    return found


def delta_bomb(repo: GitRepo, copies: int = 40) -> str:
    """Put a pack into a repository whose second object is *copies* times 16 MiB in a few hundred bytes."""
    base = bytes(0xFFFFFF)
    copy = b"\xf0\xff\xff\xff"  # all of the base, from its beginning
    delta = _number(len(base)) + _number(len(base) * copies) + copy * copies
    digest = hashlib.sha1(b"blob %d\0" % (len(base) * copies), usedforsecurity=False)
    for _ in range(copies):
        digest.update(base)
    of_base = hashlib.sha1(b"blob %d\0" % len(base) + base, usedforsecurity=False).digest()
    pack = b"PACK" + struct.pack(">II", 2, 2)
    pack += _packed(3, base) + _packed(7, delta, of_base)
    pack += hashlib.sha1(pack, usedforsecurity=False).digest()
    place = repo.path / ".git" / "objects" / "pack" / "pack-bomb.pack"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(pack)
    repo.git("index-pack", str(place))
    return digest.hexdigest()


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _packed(kind: int, data: bytes, base: bytes = b"") -> bytes:
    """An object of a pack: kind and size, what a delta starts from, the bytes."""
    head = bytes([0x80 | kind << 4 | len(data) & 0xF]) + _number(len(data) >> 4)
    return head + base + zlib.compress(data, 1)
