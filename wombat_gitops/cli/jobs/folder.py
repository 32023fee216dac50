"""Manifests and locks as files of a folder, with no repository needed."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain import examination
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.errors import InvalidManifests, NotFound, UserError
from wombat_gitops.domain.gosum import diagnose_conflicts
from wombat_gitops.domain.lock import lock_paths
from wombat_gitops.domain.manifest import ManifestSet, parse_manifest, read_all, rules
from wombat_gitops.domain.manifest.paths import SUFFIXES, collisions, odd_path, unread
from wombat_gitops.domain.manifest.places import Places, did_you_mean
from wombat_gitops.domain.manifest.reading import has_errors
from wombat_gitops.domain.model import Lock
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wombat_gitops.domain.lock import LockFiles
    from wombat_gitops.domain.manifest import Reading
    from wombat_gitops.domain.model import Distribution

_ABOUT_LOCKS: Final = "WOM-05"
_LEFT_BY_GIT: Final = frozenset({rules.MERGE_CONFLICT.id, rules.LFS_POINTER.id})
LARGEST: Final = 2_000_000
"""Bytes that are read of a file: enough for the rules on size to see that it is too large."""
_USUAL: Final = 65_536


@dataclass(frozen=True, slots=True)
class Examined:
    """Files that were read.

    Attributes:
        manifests: how many files.
        locks: of each usable distribution, by its path; None where the lock cannot be used.
        lock_problems: why those locks cannot be used, by the same path.
    """

    manifests: int
    set: ManifestSet
    locks: Mapping[str, Lock | None]
    lock_problems: Mapping[str, tuple[Diagnostic, ...]]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All of manifests and locks, by place."""
        found = [*self.set.diagnostics, *(each for problems in self.lock_problems.values() for each in problems)]
        return tuple(sorted(found))

    def stale(self, path: str) -> tuple[Diagnostic, ...]:
        """Why the lock of a manifest has to be made again; nothing of it where that would not help."""
        errors = (each for each in self.lock_problems[path] if each.severity is Severity.ERROR)
        return tuple(each for each in errors if _is_about_lock(each))

    def refusals(self, path: str) -> tuple[Diagnostic, ...]:
        """What the policies do not allow of a manifest and its lock."""
        return tuple(each for each in self.lock_problems[path] if not _is_about_lock(each))


def _is_about_lock(problem: Diagnostic) -> bool:
    return problem.rule.startswith(_ABOUT_LOCKS) or problem.rule in _LEFT_BY_GIT


def find_manifests(paths: Sequence[Path], folder: Path) -> tuple[Path, ...]:
    """The manifest files that *paths* mean: files as they are, folders with all below them.

    Args:
        folder: taken where *paths* is empty.

    Raises:
        NotFound: a path does not exist.
    """
    found = dict[Path, None]()
    for path in paths or (folder,):
        if path.is_dir():
            found.update(dict.fromkeys(_below(path)))
        elif path.exists():
            found[path] = None
        else:
            msg = f"there is no file or folder `{path}`"
            hint = "" if paths else "run it in a repository with manifests, or name files or folders"
            raise NotFound(msg, hint=hint)
    return tuple(found)


def choose(words: Sequence[str], folder: Path) -> tuple[Path, ...]:
    """The manifest files that *words* mean, each a path or the name of a distribution.

    Raises:
        NotFound: neither a path nor a name.
    """
    if not words:
        return find_manifests([], folder)
    paths = []
    for word in words:
        named = [path for path in _below(folder) if path.stem == word] if folder.is_dir() else []
        if Path(word).exists() and not named:
            paths.append(Path(word))
        elif named:
            paths.extend(named)
        elif _is_path(word):
            msg = f"there is no file or folder `{word}`"
            raise NotFound(msg)
        else:
            msg = f"there is neither a manifest named `{word}` in `{folder}` nor a file of that path"
            raise NotFound(msg, hint=did_you_mean(word, (path.stem for path in _below(folder))))
    return find_manifests(paths, folder)


def names_of(words: Sequence[str], folder: Path) -> tuple[str, ...]:
    """The distributions that *words* mean, each a name as it is or a path; names may be of another revision.

    Raises:
        NotFound: a path that does not exist.
    """
    found = dict[str, None]()
    for word in words:
        found.update(dict.fromkeys(path.stem for path in choose([word], folder)) if _is_path(word) else {word: None})
    return tuple(found)


def _is_path(word: str) -> bool:
    return "/" in word or word.endswith(SUFFIXES) or Path(word).is_dir()


def examine(paths: Sequence[Path], folder: Path | None = None) -> Examined:
    """Read manifests and the locks beside them.

    Args:
        folder: where manifests are; what those there share counts also where only some are looked at.
    """
    links = [problem for path in paths if (problem := _link(path)) is not None]
    files = {path.as_posix(): read_file(path) for path in paths if not path.is_symlink()}
    below = _below(folder) if folder and folder.is_dir() else []
    others = [path for path in below if path.as_posix() not in files]
    sharing = [parse_manifest(path.as_posix(), read_file(path)) for path in others if not path.is_symlink()]
    found = read_all(files, sharing)
    named = _names(paths, below, folder or Path())
    found = replace(found, diagnostics=tuple(sorted((*found.diagnostics, *links, *named))))
    locks = dict[str, "Lock | None"]()
    problems = dict[str, "tuple[Diagnostic, ...]"]()
    for distribution in found.distributions:
        lock, wrong = _examine(found.readings[distribution.path], distribution)
        locks[distribution.path] = lock
        problems[distribution.path] = wrong
    for path, wrong in _conflicts(locks, others).items():
        problems[path] = (*problems[path], *wrong)
        locks[path] = None
    return Examined(len(paths), found, locks, problems)


def write_lock(distribution: Distribution, files: LockFiles) -> Path:
    """Write a lock beside its manifest; returns its folder.

    A whole new folder takes the place of the old one, so that two files never stand beside each other that do
    not belong together. Killed between the two renames, there is no lock until `wombat lock` runs again.
    A lock that is there already is not touched.
    """
    wanted = dict(zip(map(Path, lock_paths(distribution.path)), (files.go_mod, files.go_sum), strict=True))
    folder = next(iter(wanted)).parent
    if all(path.is_file() and path.read_bytes() == words.encode() for path, words in wanted.items()):
        return folder
    fresh, old = (folder.with_name(f".{folder.name}.{name}") for name in ("new", "old"))
    for left in (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    if folder.is_dir():
        shutil.copytree(folder, fresh, symlinks=True)
    else:
        fresh.mkdir()
    try:
        for path, words in wanted.items():
            replace_file(fresh / path.name, words)
        if folder.is_dir():
            folder.rename(old)
        fresh.rename(folder)
    except BaseException:
        if old.is_dir() and not folder.exists():
            old.rename(folder)
        raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    return folder


def refuse_errors(diagnostics: Iterable[Diagnostic]) -> None:
    """Stop where there is an error. Raises `InvalidManifests`."""
    kept = tuple(diagnostics)
    if has_errors(kept):
        raise InvalidManifests(kept)


def _below(folder: Path) -> list[Path]:
    """Files and links that are named as manifests are."""
    return [path for path in _files(folder) if path.name.endswith(SUFFIXES)]


def _files(folder: Path) -> list[Path]:
    """All files and links but for those of locks and hidden ones; nothing is followed, no depth exhausts a stack."""
    found, folders = list[Path](), [os.fspath(folder)]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as listing:
            for item in listing:
                if item.name.startswith("."):
                    continue
                if item.is_dir(follow_symlinks=False):
                    folders += [] if item.name.endswith(".lock") else [item.path]
                elif item.is_symlink() or item.is_file():
                    found.append(Path(item.path))
    return sorted(found)


def _link(path: Path) -> Diagnostic | None:
    """Why a path is not read: a link leads wherever its author wants, and what is there would be shown."""
    if not path.is_symlink():
        return None
    hint = "put the file itself there; what it leads to is not read"
    return Places(path.as_posix()).problem_at(rules.NOT_A_FILE, "this is a symbolic link", None, hint=hint)


def _names(paths: Sequence[Path], below: Iterable[Path], folder: Path) -> Iterator[Diagnostic]:
    """What is wrong with the names of files that are examined, and with those of files that are passed over."""
    for path in paths:
        inside = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
        if (odd := odd_path(inside.as_posix())) is not None:
            yield replace(odd, path=visible_line(path.as_posix()))
    chosen = {path.as_posix() for path in paths}
    yield from (each for path, each in collisions(each.as_posix() for each in below).items() if path in chosen)
    whole = {path.as_posix() for path in below}
    if whole <= chosen:
        for path in _files(folder):
            if (problem := unread(path.as_posix(), whole)) is not None:
                yield problem


def _examine(reading: Reading, distribution: Distribution) -> tuple[Lock | None, tuple[Diagnostic, ...]]:
    """Read the lock beside a manifest, unless it is somewhere else."""
    files = [Path(path) for path in lock_paths(distribution.path)]
    links = [problem for path in (files[0].parent, *files) if (problem := _link(path)) is not None]
    if links:
        told = [
            reading.places.problem(
                rules.NOT_A_FILE, f"the lock's `{link.path}`: {link.message}", "/name", hint=link.hint
            )
            for link in links
        ]
        return None, tuple(told)
    return examination.examine(reading, distribution, *map(_optional, files))


def _conflicts(locks: Mapping[str, Lock | None], others: Iterable[Path]) -> Mapping[str, tuple[Diagnostic, ...]]:
    """What is wrong with locks, by their manifests, where another one has another digest of the same module.

    Args:
        others: manifests that are not examined, whose locks count all the same.
    """
    texts = {lock_paths(path)[1]: lock.go_sum for path, lock in locks.items() if lock is not None}
    for other in others:
        file = Path(lock_paths(other.as_posix())[1])
        if not any(path.is_symlink() for path in (other, file.parent, file)) and file.is_file():
            texts[file.as_posix()] = read_file(file).decode(errors="replace").replace("\r\n", "\n")
    found = diagnose_conflicts(texts)
    return {path: found[go_sum] for path in locks if (go_sum := lock_paths(path)[1]) in found}


def _optional(path: Path) -> bytes | None:
    return read_file(path) if path.is_file() else None


def read_file(path: Path) -> bytes:
    """The bytes of a file, as many as are ever needed. Raises `UserError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(_USUAL)  # making room for the largest takes longer than reading most of them
            return start + file.read(LARGEST - _USUAL) if len(start) == _USUAL else start
    except OSError as error:
        msg = f"cannot read `{path}`: {(error.strerror or 'unknown reason').lower()}"
        raise UserError(msg) from error


def replace_file(path: Path, words: str) -> None:
    """Put a text in the place of a file, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(words)
        fresh.chmod(0o644)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
