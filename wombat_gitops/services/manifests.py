"""Reads what a source declares: each manifest with its lock, parsed once for as long as it does not change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.declaration import Declaration, Declared, DesiredBuild, desired_builds
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.lock import MAX_BYTES as MAX_LOCK_BYTES
from wombat_gitops.domain.lock import examine_lock, lock_paths
from wombat_gitops.domain.manifest import Parsed, Reading, Shared, combine, gather, interpret, parse_manifest, rules
from wombat_gitops.domain.manifest.document import MAX_BYTES
from wombat_gitops.domain.manifest.places import Places, printable, shown
from wombat_gitops.domain.model import UNCOMMITTED_DATE
from wombat_gitops.ports import TreeEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from wombat_gitops.domain.model import Distribution, Lock
    from wombat_gitops.ports import ManifestSource, Tree

__all__ = ["Declaration", "Declared", "DesiredBuild", "ManifestReader"]

_SUFFIXES: Final = (".yaml", ".yml")
_FILE_MODES: Final = frozenset({"100644", "100755"})
_LONGEST_PATH: Final = 500
_KINDS: Final = {"120000": "a symbolic link", "160000": "a submodule"}


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A manifest that was read; its text is kept because the catalogue shows it."""

    text: str
    parsed: Parsed


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

    async def read(self, revision: str | None = None) -> Declaration:
        """Read everything that *revision* declares, by default the newest one.

        What is wrong with a file is among the diagnostics and never stops the others.

        Raises:
            Unreachable, NotFound, Refused: as `ManifestSource` does.
        """
        tree = await self._source.tree(revision if revision is not None else await self._source.revision())
        files = _sort(tree.entries, self._source.folder)
        parsed = await self._parse(tree, files)
        refused = [problem for path, problem in files.refused.items() if not _in_lock(path)]
        readings = self._interpret(parsed, files)
        found = combine(readings.values(), self._shared[1], self._shared[2])
        locks = await self._read_locks(tree, files, found.distributions)
        groups = {
            distribution.path: [
                path
                for path in (
                    distribution.path,
                    *lock_paths(distribution.path),
                    *readings[distribution.path].uses,
                )
                if _is_entry(files, path)
            ]
            for distribution in found.distributions
        }
        dates = await self._source.dates(tree, groups) if groups else {}
        declared = []
        for distribution in found.distributions:
            path = distribution.path
            date = dates.get(path, UNCOMMITTED_DATE)
            declared.append(_declare(parsed[path].text, readings[path], distribution, locks, files, date))
        problems = {*found.diagnostics, *refused}
        problems.update(problem for item in declared for problem in item.diagnostics)
        manifests = len(files.manifests) + sum(_is_manifest(path) for path in files.refused)
        return Declaration(tree.revision, tuple(declared), tuple(sorted(problems)), manifests)

    async def _parse(self, tree: Tree, files: _Files) -> dict[str, _Parsed]:
        wanted = {path: (path, entry.oid) for path, entry in files.manifests.items()}
        missing = [path for path, key in wanted.items() if key not in self._manifests]
        data = await self._source.read(tree, missing) if missing else {}
        fresh = {
            wanted[path]: _Parsed(content.decode(errors="replace"), parse_manifest(path, content))
            for path, content in data.items()
        }
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
        paths = [path for distribution in distributions for path in lock_paths(distribution.path)]
        wanted = {path: (path, files.others[path].oid) for path in paths if path in files.others}
        missing = [path for path, key in wanted.items() if key not in self._locks]
        data = await self._source.read(tree, missing) if missing else {}
        known = self._locks | {wanted[path]: content for path, content in data.items()}
        self._locks = {key: known[key] for key in wanted.values() if key in known}
        return {path: known[key] for path, key in wanted.items() if key in known}


def _declare(
    manifest: str,
    reading: Reading,
    distribution: Distribution,
    locks: Mapping[str, bytes],
    files: _Files,
    date: datetime,
) -> Declared:
    go_mod, go_sum = lock_paths(distribution.path)
    places = reading.places
    refused = [
        places.problem(rules.RULES[problem.rule], f"the lock's `{problem.path}`: {problem.message}", "/name")
        for path, problem in files.refused.items()
        if path in {go_mod, go_sum}
    ]
    lock: Lock | None = None
    found: tuple[Diagnostic, ...] = tuple(refused)
    if not refused:
        lock, found = examine_lock(distribution, locks.get(go_mod), locks.get(go_sum), places)
    builds = desired_builds(distribution, lock, date) if lock is not None else ()
    problems = tuple(sorted((*reading.diagnostics, *found)))
    return Declared(distribution, lock, date, manifest, builds, problems)


def _sort(entries: Iterable[TreeEntry], folder: str) -> _Files:
    files = _Files()
    prefix = f"{folder.strip('/')}/" if folder.strip("/.") else ""
    for entry in entries:
        if not entry.path.startswith(prefix):
            continue
        problem = _refusal(entry)
        if problem is not None:
            files.refused[entry.path] = problem
        elif _is_manifest(entry.path):
            files.manifests[entry.path] = entry
        else:
            files.others[entry.path] = entry
    return files


def _refusal(entry: TreeEntry) -> Diagnostic | None:
    """Why an entry is not read, or None. Files that are neither manifest nor lock may be anything but links."""
    places = Places(entry.path)
    of_interest = _is_manifest(entry.path) or _in_lock(entry.path)
    if entry.mode not in _FILE_MODES:
        kind = _KINDS.get(entry.mode, "not a regular file")
        severity = Severity.ERROR if of_interest else Severity.WARNING
        hint = "put the file itself there; what it leads to is not read"
        return places.problem_at(rules.NOT_A_FILE, f"this is {kind}", None, hint=hint, severity=severity)
    if not of_interest:
        return None
    if _is_odd(entry.path):
        message = f"the path {shown(entry.path)} is not plain text"
        return places.problem_at(rules.ODD_PATH, message, None, hint="rename the file")
    limit = MAX_BYTES if _is_manifest(entry.path) else MAX_LOCK_BYTES
    if entry.size is not None and entry.size > limit:
        message = f"the file has {entry.size:,} bytes, at most {limit:,} are read"
        return places.problem_at(rules.TOO_LARGE, message, None)
    return None


def _is_odd(path: str) -> bool:
    parts = path.split("/")
    return (
        len(path) > _LONGEST_PATH
        or printable(path) != path
        or "\\" in path
        or any(part in {"", ".", ".."} or part.startswith("-") for part in parts)
    )


def _is_manifest(path: str) -> bool:
    return path.endswith(_SUFFIXES) and not _in_lock(path)


def _in_lock(path: str) -> bool:
    return any(part.endswith(".lock") for part in path.split("/")[:-1])


def _is_entry(files: _Files, path: str) -> bool:
    return path in files.manifests or path in files.others
