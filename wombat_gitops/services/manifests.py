"""Reads what a source declares: each manifest with its lock, parsed once for as long as it does not change."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.declaration import Declaration, Declared, DesiredBuild, SharedFile, desired_builds
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.errors import TooLarge
from wombat_gitops.domain.examination import examine
from wombat_gitops.domain.lock import MAX_BYTES as MAX_LOCK_BYTES
from wombat_gitops.domain.lock import lock_paths
from wombat_gitops.domain.manifest import Parsed, Reading, Shared, combine, gather, interpret, parse_manifest, rules
from wombat_gitops.domain.manifest.document import MAX_BYTES
from wombat_gitops.domain.manifest.fields import KIND
from wombat_gitops.domain.manifest.paths import collisions, in_lock, is_manifest, odd_path, unread
from wombat_gitops.domain.manifest.places import Places
from wombat_gitops.domain.model import UNCOMMITTED_DATE
from wombat_gitops.domain.readme import MAX_BYTES as MAX_README_BYTES
from wombat_gitops.domain.readme import readme_path, readme_text
from wombat_gitops.ports import TreeEntry
from wombat_gitops.services.pruning import CONFIRMATION, confirmed_names
from wombat_gitops.services.pruning import MAX_BYTES as CONFIRMATION_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from wombat_gitops.domain.model import Distribution, Lock
    from wombat_gitops.ports import ManifestSource, Tree

__all__ = ["Declaration", "Declared", "DesiredBuild", "ManifestReader"]

MOST_MANIFESTS: Final = 20_000
"""Manifests of one source; each takes about 15 KB of memory for as long as it is watched."""
_lock_paths = lru_cache(maxsize=2 * MOST_MANIFESTS)(lock_paths)
_PORTION: Final = 64
"""Manifests that are parsed in one go."""
_ORDER: Final = tuple(item.name for item in fields(Diagnostic))
"""Of diagnostics: their own order, by a key, which is several times as fast."""
_FILE_MODES: Final = frozenset({"100644", "100755"})
_KINDS: Final = {"120000": "a symbolic link", "160000": "a submodule"}


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A manifest that was read; its text is kept because the catalogue shows it."""

    text: str
    parsed: Parsed


@dataclass(frozen=True, slots=True)
class _Known:
    """What a manifest with its lock and README amounted to, and what that was made of."""

    reading: Reading
    beside: tuple[TreeEntry | Diagnostic | None, ...]
    item: Declared


@dataclass(frozen=True, slots=True)
class _Readme:
    """The README of a manifest; without text where it is too large to be read."""

    entry: TreeEntry | None
    text: str


_NO_README: Final = _Readme(None, "")


@dataclass(slots=True)
class _Files:
    """A tree sorted into what can be read and what is refused."""

    manifests: dict[str, TreeEntry] = field(default_factory=dict)
    others: dict[str, TreeEntry] = field(default_factory=dict)
    refused: dict[str, Diagnostic] = field(default_factory=dict)


class ManifestReader:
    """Reads one source. Keeps what it read by path and content id, so only changed files are read again."""

    def __init__(self, source: ManifestSource) -> None:
        self._source = source
        self._manifests: dict[tuple[str, str], _Parsed] = {}
        self._readings: dict[tuple[str, str], Reading] = {}
        self._shared: tuple[frozenset[tuple[str, str]], Shared, tuple[Diagnostic, ...]] = (frozenset(), Shared(), ())
        self._locks: dict[tuple[str, str], bytes] = {}
        self._readmes: dict[tuple[str, str], str] = {}
        self._sorted: dict[str, tuple[TreeEntry, Diagnostic | None, bool]] = {}
        self._declared: dict[str, _Known] = {}
        self._confirmation: tuple[str, frozenset[str]] = ("", frozenset())

    async def read(self, revision: str | None = None) -> Declaration:
        """Read everything that *revision* declares, by default the newest one.

        What is wrong with a file is among the diagnostics and never stops the others.

        Raises:
            Unreachable, NotFound, Refused: as `ManifestSource` does.
        """
        tree = await self._source.tree(revision if revision is not None else await self._source.revision())
        files = await asyncio.to_thread(self._sort, tree.entries)
        parsed = await self._parse(tree, files)
        refused = [problem for path, problem in files.refused.items() if not in_lock(path)]
        present = files.manifests.keys() | files.others.keys()
        refused += [problem for path in files.others if (problem := unread(path, present)) is not None]
        readings = self._interpret(parsed, files)
        found = combine(readings.values(), self._shared[1], self._shared[2])
        locks = await self._read_locks(tree, files, found.distributions)
        readmes = await self._read_readmes(tree, files, found.distributions)
        groups = {
            path: [each for each in (path, *_lock_paths(path), *readings[path].uses) if each in present]
            for path in (distribution.path for distribution in found.distributions)
        }
        dates = await self._source.dates(tree, groups) if groups else {}
        declared = self._declare(parsed, readings, found.distributions, files, locks, readmes, dates)
        # each declaration has all problems of its own file
        told = {item.distribution.path for item in declared}
        problems = [problem for item in declared for problem in item.diagnostics]
        problems += {*refused, *(problem for problem in found.diagnostics if problem.path not in told)}
        manifests = len(files.manifests) + sum(is_manifest(path) for path in files.refused)
        ordered = await asyncio.to_thread(sorted, problems, key=attrgetter(*_ORDER))
        shared = tuple(
            SharedFile(path, item.parsed.kind, item.text) for path, item in parsed.items() if item.parsed.kind != KIND
        )
        retired = await self._read_confirmation(tree, files)
        return Declaration(tree.revision, declared, tuple(ordered), manifests, shared, retired)

    async def _read_confirmation(self, tree: Tree, files: _Files) -> frozenset[str]:
        """The names whose retirement is confirmed."""
        folder = self._source.folder.strip("/")
        entry = files.others.get(f"{folder}/{CONFIRMATION}" if folder.strip(".") else CONFIRMATION)
        if entry is None or entry.size is None or entry.size > CONFIRMATION_BYTES:
            return frozenset()
        if entry.oid != self._confirmation[0]:
            data = await self._source.read(tree, [entry.path])
            self._confirmation = (entry.oid, confirmed_names(data[entry.path]))
        return self._confirmation[1]

    def _declare(
        self,
        parsed: Mapping[str, _Parsed],
        readings: Mapping[str, Reading],
        distributions: Iterable[Distribution],
        files: _Files,
        locks: Mapping[str, bytes],
        readmes: Mapping[str, _Readme],
        dates: Mapping[str, datetime],
    ) -> tuple[Declared, ...]:
        """Put each manifest together with what is beside it; again only where one of them, or the date, is another."""
        known, self._declared = self._declared, {}
        for distribution in distributions:
            path = distribution.path
            date = dates.get(path, UNCOMMITTED_DATE)
            found = known.get(path)
            go_mod, go_sum = _lock_paths(path)
            readme = readmes.get(path, _NO_README)
            state = (
                files.others.get(go_mod) or files.refused.get(go_mod),
                files.others.get(go_sum) or files.refused.get(go_sum),
                readme.entry,
            )
            if found is None or found.reading is not readings[path] or (found.beside, found.item.date) != (state, date):
                item = _declare(parsed[path].text, readings[path], distribution, locks, files, date)
                found = _Known(readings[path], state, _with_readme(item, readings[path], readme))
            self._declared[path] = found
        return tuple(each.item for each in self._declared.values())

    def _sort(self, entries: Iterable[TreeEntry]) -> _Files:
        """Sort a tree; what was said of an entry holds for as long as there is that very entry."""
        files, known, self._sorted = _Files(), self._sorted, {}
        folder = self._source.folder
        prefix = f"{folder.strip('/')}/" if folder.strip("/.") else ""
        for entry in entries:
            path = entry.path
            if not path.startswith(prefix):
                continue
            before = known.get(path)
            if before is None or (before[0] is not entry and before[0] != entry):
                before = (entry, _refusal(entry), is_manifest(path))
            self._sorted[path] = before
            if before[1] is not None:
                files.refused[path] = before[1]
            elif before[2]:
                files.manifests[path] = entry
            else:
                files.others[path] = entry
        if len(files.manifests) > MOST_MANIFESTS:
            msg = f"the folder holds {len(files.manifests):,} manifests, at most {MOST_MANIFESTS:,} are read"
            raise TooLarge(msg, hint="part it into several folders, each a source of its own")
        _refuse_collisions(files)
        return files

    async def _parse(self, tree: Tree, files: _Files) -> dict[str, _Parsed]:
        wanted = {path: (path, entry.oid) for path, entry in files.manifests.items()}
        missing = [path for path, key in wanted.items() if key not in self._manifests]
        data = await self._source.read(tree, missing) if missing else {}
        fresh = dict[tuple[str, str], _Parsed]()
        for paths in _portions(data):
            # beside the loop, so that a large or hostile source delays nothing else in this process
            read = await asyncio.to_thread(_read, paths, data)
            fresh.update(zip((wanted[path] for path in paths), read, strict=True))
        known = self._manifests | fresh
        self._manifests = {key: known[key] for key in wanted.values() if key in known}
        return {path: known[key] for path, key in wanted.items() if key in known}

    def _interpret(self, parsed: Mapping[str, _Parsed], files: _Files) -> dict[str, Reading]:
        """Make sense of each manifest again where it, or anything that manifests share, has changed."""
        keys = {path: (path, files.manifests[path].oid) for path in parsed}
        giving = {path: declares for path, item in parsed.items() if (declares := item.parsed.declares) is not None}
        state = frozenset(keys[path] for path in giving)
        if state != self._shared[0]:
            self._shared = (state, *gather(giving.values()))
            self._readings = {}
        known = self._readings
        self._readings = {
            keys[path]: known.get(keys[path]) or interpret(item.parsed, self._shared[1])
            for path, item in parsed.items()
        }
        return {path: self._readings[key] for path, key in keys.items()}

    async def _read_locks(self, tree: Tree, files: _Files, distributions: Iterable[Distribution]) -> dict[str, bytes]:
        paths = [path for distribution in distributions for path in _lock_paths(distribution.path)]
        wanted = {path: (path, files.others[path].oid) for path in paths if path in files.others}
        missing = [path for path, key in wanted.items() if key not in self._locks]
        data = await self._source.read(tree, missing) if missing else {}
        known = self._locks | {wanted[path]: content for path, content in data.items()}
        self._locks = {key: known[key] for key in wanted.values() if key in known}
        return {path: known[key] for path, key in wanted.items() if key in known}

    async def _read_readmes(
        self, tree: Tree, files: _Files, distributions: Iterable[Distribution]
    ) -> dict[str, _Readme]:
        """The README of each manifest that has one, by the manifest's path; too large ones without their text."""
        folder = self._source.folder.strip("/")
        root = folder if folder.strip(".") else ""
        neighbours = Counter(_folder_of(path) for path in files.manifests)
        found = dict[str, TreeEntry]()
        for path in (distribution.path for distribution in distributions):
            alone = neighbours[_folder_of(path)] == 1 and _folder_of(path) != root
            readme = readme_path(path, files.others, alone=alone)
            if readme:
                found[path] = files.others[readme]
        wanted = {entry.path: (entry.path, entry.oid) for entry in found.values() if _fits_readme(entry)}
        missing = [path for path, key in wanted.items() if key not in self._readmes]
        data = await self._source.read(tree, missing) if missing else {}
        known = self._readmes | {wanted[path]: readme_text(content) for path, content in data.items()}
        self._readmes = {key: known[key] for key in wanted.values() if key in known}
        return {path: _Readme(entry, self._readmes.get((entry.path, entry.oid), "")) for path, entry in found.items()}


def _portions(data: Iterable[str]) -> Iterator[list[str]]:
    """The keys of *data*, some at a time."""
    rest = iter(data)
    while portion := list(islice(rest, _PORTION)):
        yield portion


def _read(paths: Iterable[str], data: Mapping[str, bytes]) -> list[_Parsed]:
    return [_Parsed(data[path].decode(errors="replace"), parse_manifest(path, data[path])) for path in paths]


def _declare(
    manifest: str,
    reading: Reading,
    distribution: Distribution,
    locks: Mapping[str, bytes],
    files: _Files,
    date: datetime,
) -> Declared:
    go_mod, go_sum = _lock_paths(distribution.path)
    places = reading.places
    refused = [
        places.problem(rules.RULES[problem.rule], f"the lock's `{problem.path}`: {problem.message}", "/name")
        for path, problem in files.refused.items()
        if path in {go_mod, go_sum}
    ]
    lock: Lock | None = None
    found: tuple[Diagnostic, ...] = tuple(refused)
    if not refused:
        lock, found = examine(reading, distribution, locks.get(go_mod), locks.get(go_sum))
    builds = desired_builds(distribution, lock, date) if lock is not None else ()
    problems = tuple(sorted((*reading.diagnostics, *found)))
    return Declared(distribution, lock, date, manifest, builds, problems)


def _with_readme(item: Declared, reading: Reading, readme: _Readme) -> Declared:
    """A declaration with its README, which is no input of any build: what is wrong with it is a warning."""
    entry = readme.entry
    if entry is None or _fits_readme(entry):
        return replace(item, readme=readme.text)
    message = f"the README `{entry.path}` has {entry.size:,} bytes, at most {MAX_README_BYTES:,} are shown"
    hint = "shorten it, or move parts of it to other files"
    problem = reading.places.problem(rules.TOO_LARGE, message, "/name", hint=hint, severity=Severity.WARNING)
    return replace(item, diagnostics=tuple(sorted((*item.diagnostics, problem))))


def _fits_readme(entry: TreeEntry) -> bool:
    return entry.size is not None and entry.size <= MAX_README_BYTES


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def _refuse_collisions(files: _Files) -> None:
    """Take out manifests whose paths are those of others but for upper and lower case."""
    for path, problem in collisions(files.manifests).items():
        del files.manifests[path]
        files.refused[path] = problem


def _refusal(entry: TreeEntry) -> Diagnostic | None:
    """Why an entry is not read, or None. Files that are neither manifest nor lock may be anything but links."""
    places = Places(entry.path)
    of_interest = is_manifest(entry.path) or in_lock(entry.path)
    if entry.mode not in _FILE_MODES:
        kind = _KINDS.get(entry.mode, "not a regular file")
        severity = Severity.ERROR if of_interest else Severity.WARNING
        hint = "put the file itself there; what it leads to is not read"
        return places.problem_at(rules.NOT_A_FILE, f"this is {kind}", None, hint=hint, severity=severity)
    if not of_interest:
        return None
    if (odd := odd_path(entry.path)) is not None:
        return odd
    limit = MAX_BYTES if is_manifest(entry.path) else MAX_LOCK_BYTES
    if entry.size is not None and entry.size > limit:
        message = f"the file has {entry.size:,} bytes, at most {limit:,} are read"
        return places.problem_at(rules.TOO_LARGE, message, None)
    return None
