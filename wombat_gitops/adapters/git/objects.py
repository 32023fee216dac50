"""Reads commits, trees, blobs and history of a repository on this machine; never its work tree, never the network."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.git.command import complaint, local_failure
from wombat_gitops.domain.errors import CorruptData, HistoryCut, NotFound, Refused, TooLarge
from wombat_gitops.domain.sourceplace import SourceProblem, unusable_folder
from wombat_gitops.ports import TreeEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from wombat_gitops.adapters.git.command import Git

REGULAR: Final = frozenset({"100644", "100755"})
"""Modes of entries that are files; everything else is reported and never read."""

MAX_FILE: Final = 16 * 1024 * 1024
"""Bytes of the largest file that is read at all."""

MOST_ENTRIES: Final = 250_000
"""Files below a folder; each takes about 0.8 KB of memory."""

_BATCH: Final = 64 * 1024 * 1024
_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_ENTRY: Final = re.compile(rb"(\d{6}) \w+ ([0-9a-f]+) +(\d+|-)\t(.*)", re.DOTALL)
_LAST: Final = 253_402_300_799
"""The last second that a date can tell, 9999-12-31T23:59:59Z; a commit can claim a later one."""
_NEAR: Final = 512
"""Commits looked through for one whose dates are known, before the whole history is read."""


_NO_FOLDER: Final[Mapping[str, SourceProblem | None]] = {
    "": SourceProblem.FOLDER_NOT_FOUND,
    "040000": None,
    "120000": SourceProblem.FOLDER_IS_LINK,
    "160000": SourceProblem.FOLDER_IS_SUBMODULE,
}
"""By git's mode of an entry, why it is no folder."""


def is_commit(revision: str) -> bool:
    """Whether *revision* is the full id of a commit."""
    return _COMMIT.fullmatch(revision) is not None


def blob_id(data: bytes, algorithm: str = "sha1") -> str:
    """The id git gives a file of these bytes."""
    digest = hashlib.new(algorithm, b"blob %d\0" % len(data), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


def path_text(raw: bytes) -> str:
    r"""A path as text; bytes that are not UTF-8 are shown as `\xff`, so that every path can be printed."""
    return raw.decode(errors="backslashreplace")


def check_readable(entry: TreeEntry) -> None:
    """Refuse an entry that is not a file, or too large to be read.

    Raises:
        Refused: says which, and why.
    """
    if entry.mode not in REGULAR:
        msg = f"`{entry.path}` is not a file (mode {entry.mode})"
        raise Refused(msg)
    if entry.size is None or entry.size > MAX_FILE:
        msg = f"`{entry.path}` has {entry.size} bytes, at most {MAX_FILE} are read"
        raise Refused(msg)


@dataclass(frozen=True, slots=True)
class _Change:
    """The newest change of a path.

    Attributes:
        order: grows towards the newer end of the history.
        seconds: committer time in whole seconds since 1970.
        known: false where the history was cut off there, so that the real change may be an older one.
    """

    order: int
    seconds: int
    known: bool


_ORDER: Final = attrgetter("order")


@lru_cache(maxsize=1024)
def _date(seconds: int) -> datetime:
    return datetime.fromtimestamp(min(seconds, _LAST), UTC)


@dataclass(frozen=True, slots=True)
class _History:
    """The newest change of each path and of each folder, seen from one commit."""

    commit: str
    changes: Mapping[str, _Change]


class Repository:
    """One git directory on this machine.

    Args:
        folder: the folder whose history and trees are read; "" for everything.
        shallow: the file in which git notes where a shallow clone ends.
    """

    def __init__(self, git: Git, git_dir: Path, folder: str, shallow: Path | None = None) -> None:
        self._git = git
        self._git_dir = git_dir
        self._folder = folder
        self._shallow = shallow
        self._history: _History | None = None
        self._listed: dict[bytes, TreeEntry] = {}

    @property
    def git_dir(self) -> Path:
        """Where it is."""
        return self._git_dir

    async def run(self, arguments: Sequence[str], *, stdin: bytes | None = None, cwd: Path | None = None) -> bytes:
        """What `git --git-dir=… <arguments>` writes.

        Raises:
            CorruptData: git failed on the repository itself.
            Refused: it may not be read by us.
            Unreachable: it took too long.
        """
        captured = await self._git.run(self._argv(arguments), cwd=cwd or self._git_dir, stdin=stdin)
        if captured.status != 0:
            raise local_failure(captured)
        return captured.stdout

    def _argv(self, arguments: Sequence[str]) -> list[str]:
        # an explicit directory also works where the repository belongs to somebody else (containers in CI)
        return [f"--git-dir={self._git_dir}", *arguments]

    async def resolve(self, revision: str) -> str:
        """The full id of the commit that *revision* names.

        Raises:
            NotFound: there is no such commit.
        """
        arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
        captured = await self._git.run(self._argv(arguments), cwd=self._git_dir)
        commit = captured.stdout.decode(errors="replace").strip()
        if captured.status == 0 and is_commit(commit):
            return commit
        if captured.stderr and "bad revision" not in complaint(captured).lower():
            raise local_failure(captured)
        msg = f"there is no revision `{revision}`"
        raise NotFound(msg)

    async def has(self, commit: str) -> bool:
        """Whether that commit is here."""
        arguments = ["cat-file", "-e", f"{commit}^{{commit}}"]
        return (await self._git.run(self._argv(arguments), cwd=self._git_dir)).status == 0

    async def fork_point(self, commit: str, other: str) -> str:
        """The newest commit that two have in their histories, or "" where there is none or it was not fetched."""
        captured = await self._git.run(self._argv(["merge-base", commit, other]), cwd=self._git_dir)
        if captured.status not in {0, 1}:  # 1 means none, without a word
            raise local_failure(captured)
        return captured.stdout.decode(errors="replace").strip()

    async def entries(self, commit: str) -> tuple[TreeEntry, ...]:
        """Everything below the folder at *commit*, sorted by path.

        Raises:
            UnusableSource: the folder is missing, or is something else.
            TooLarge: there is more than is looked at.
        """
        limit = ["--", f"{self._folder}/"] if self._folder else []
        listing = await self.run(["ls-tree", "-r", "-l", "-z", "--full-tree", commit, *limit])
        count = listing.count(b"\0")
        if count <= 1 and self._folder:
            await self._check_folder(commit)
        if count > MOST_ENTRIES:
            msg = f"the folder holds {count:,} files, at most {MOST_ENTRIES:,} are looked at"
            raise TooLarge(msg, hint="keep manifests in a folder of their own")
        return await asyncio.to_thread(self._parse, listing)

    async def _check_folder(self, commit: str) -> None:
        """Say what stands where the folder should be; git lists nothing below a link, and a submodule itself."""
        parts = self._folder.split("/")
        for end in range(1, len(parts) + 1):
            part = "/".join(parts[:end])
            found = await self.run(["ls-tree", "-z", "--full-tree", commit, "--", part])
            problem = _NO_FOLDER.get(found[:6].decode(), SourceProblem.FOLDER_IS_FILE)
            if problem is not None:
                raise unusable_folder(self._folder, part, problem, commit)

    def _parse(self, listing: bytes) -> tuple[TreeEntry, ...]:
        """Take apart what `git ls-tree` wrote; a line that was there before is the same entry."""
        known, self._listed = self._listed, {}
        for record in listing.split(b"\0"):
            if record:
                self._listed[record] = known.get(record) or _entry(record)
        return tuple(sorted(self._listed.values(), key=attrgetter("path")))

    async def blobs(self, entries: Sequence[TreeEntry]) -> dict[str, bytes]:
        """The bytes of *entries*, by path.

        Raises:
            Refused: one of them is not a file, or too large.
            CorruptData: a blob is missing.
        """
        for entry in entries:
            check_readable(entry)
        contents = dict[str, bytes]()
        for batch in _batches({entry.oid: entry.size or 0 for entry in entries}):
            request = "".join(f"{oid}\n" for oid in batch).encode()
            contents |= _blobs(await self.run(["cat-file", "--batch"], stdin=request), batch)
        return {entry.path: contents[entry.oid] for entry in entries}

    async def dates(self, commit: str, groups: Mapping[str, Sequence[str]]) -> dict[str, datetime]:
        """For each group the committer date of the newest first-parent commit that changed one of its paths.

        A group of paths that no commit ever changed is left out.

        Raises:
            HistoryCut: the history needed for it was cut off.
        """
        changes = (await self.look_back(commit)).changes
        dates = dict[str, datetime]()
        for key, paths in groups.items():
            found = [change for path in paths if (change := changes.get(path)) is not None]
            if not found:
                continue
            newest = max(found, key=_ORDER)
            if not newest.known:
                msg = f"the date of `{paths[0]}` is not known, because the history of this clone was cut off"
                raise HistoryCut(msg, hint="run `git fetch --unshallow`, or check out with `fetch-depth: 0`")
            dates[key] = _date(newest.seconds)
        return dates

    async def look_back(self, commit: str) -> _History:
        """Read the history behind *commit*, which `dates` needs; again only for another commit."""
        history = self._history
        if history is None or history.commit != commit:
            history = self._history = await self._read_history(commit, history)
        return history

    def forget(self) -> None:
        """Read the history anew: the repository was fetched again."""
        self._history = None

    async def _read_history(self, commit: str, before: _History | None) -> _History:
        """Read the whole history of the folder, or only what came after *before* where that is near."""
        if before is not None:
            near = await self.run(["rev-list", "--first-parent", f"--max-count={_NEAR}", commit])
            commits = near.decode().split()
            if before.commit in commits:
                new = commits.index(before.commit)
                newer = await self._log(commit, [f"--max-count={new}"], limit=False) if new else {}
                top = max((change.order for change in before.changes.values()), default=0) + new + 1
                moved = {path: replace(change, order=change.order + top) for path, change in newer.items()}
                return _History(commit, {**before.changes, **moved})
        return _History(commit, await self._log(commit, [], limit=True))

    async def _log(self, commit: str, options: Sequence[str], *, limit: bool) -> dict[str, _Change]:
        """The newest change of each path; with *limit* only commits and paths of the folder."""
        cut_off = await asyncio.to_thread(self._boundary)
        marker = f"{secrets.token_hex(8)} "  # no file can be named to look like a commit
        arguments = ["log", "--first-parent", "-m", "--name-only", "--no-renames", "--no-ext-diff", "-z"]
        paths = [self._folder] if self._folder and limit else []
        log = await self.run([*arguments, *options, f"--format={marker}%H %ct", commit, "--", *paths])
        changes = dict[str, _Change]()
        change = _Change(0, 0, known=True)
        for token in log.split(b"\0"):
            if token.startswith(marker.encode()):
                name, seconds = token.decode().removeprefix(marker).split(" ")
                # git leaves out a date that it cannot make sense of
                change = _Change(change.order - 1, int(seconds) if seconds.isdigit() else 0, known=name not in cut_off)
            elif token:
                for path in _with_folders(path_text(token.removeprefix(b"\n"))):
                    changes.setdefault(path, change)
        return changes

    def _boundary(self) -> frozenset[str]:
        if self._shallow is None:
            return frozenset()
        try:
            return frozenset(self._shallow.read_text(encoding="ascii").split())
        except FileNotFoundError:
            return frozenset()


def _with_folders(path: str) -> Iterator[str]:
    yield path
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _entry(record: bytes) -> TreeEntry:
    match = _ENTRY.fullmatch(record)
    if match is None:
        msg = "git listed a tree in a form that is not understood"
        raise CorruptData(msg)
    size = None if match[3] == b"-" else int(match[3])
    return TreeEntry(path_text(match[4]), match[2].decode(), match[1].decode(), size)


def _batches(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Object ids in groups that together fit into memory."""
    batch, total = list[str](), 0
    for oid, size in sizes.items():
        if batch and total + size > _BATCH:
            yield batch
            batch, total = [], 0
        batch.append(oid)
        total += size
    if batch:
        yield batch


def _blobs(answer: bytes, oids: Iterable[str]) -> dict[str, bytes]:
    """Take apart what `git cat-file --batch` wrote: `<oid> blob <size>`, the bytes, a line end."""
    contents, start = dict[str, bytes](), 0
    for oid in oids:
        end = answer.find(b"\n", start)
        header = answer[start:end].split(b" ") if end >= 0 else []
        if len(header) != 3 or header[1] != b"blob":  # noqa: PLR2004 - oid, type, size
            msg = f"object `{oid}` is missing or not a file"
            raise CorruptData(msg)
        size = int(header[2])
        contents[oid] = answer[end + 1 : end + 1 + size]
        if len(contents[oid]) != size:
            msg = f"object `{oid}` is cut off"
            raise CorruptData(msg)
        start = end + 1 + size + 1
    return contents
