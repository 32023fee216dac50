"""Paths in the manifests folder: which are manifests, which are not read, which cannot be checked out everywhere."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain import grammar
from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.places import Places, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from wombat_gitops.domain.diagnostics import Diagnostic

SUFFIXES: Final = (".yaml", ".yml")
_LONGEST_PATH: Final = 500
_NEARLY: Final = re.compile(r"#?(?P<stem>[^#.][^/]*?)\.ya?ml(?:[.~#_-][^/]*)?", re.IGNORECASE)
"""Names that people and editors give to manifests: `tiny.YAML`, `tiny.yaml.txt`, `tiny.yaml~`, `#tiny.yaml#`."""
_NOT_ON_WINDOWS: Final = re.compile(r'[<>:"|?*]')


def is_manifest(path: str) -> bool:
    """Whether a file is read as a manifest, going by its path."""
    return path.endswith(SUFFIXES) and not in_lock(path)


def in_lock(path: str) -> bool:
    """Whether a file is in the folder of a lock."""
    return any(part.endswith(".lock") for part in path.split("/")[:-1])


def unread(path: str, others: Collection[str]) -> Diagnostic | None:
    """A warning at a file that is named almost like a manifest; None for any other.

    Args:
        others: paths that are there.
    """
    folder, slash, name = path.rpartition("/")
    match = _NEARLY.fullmatch(name)
    if match is None or is_manifest(path) or in_lock(path):
        return None
    better = f"{match['stem']}.yaml"
    there = f"{folder}{slash}{better}" in others
    hint = f"remove it; `{better}` is there" if there else f"rename it to `{better}`"
    message = f"{shown(path)} is not read: its name does not end in `.yaml`"
    return Places(path).problem_at(rules.NOT_READ, message, None, hint=hint, severity=Severity.WARNING)


def odd_path(path: str) -> Diagnostic | None:
    """An error at a path that means different files to different programs, or that Windows cannot check out."""
    parts = path.split("/")
    if len(path) > _LONGEST_PATH or not path.isprintable() or any(p in {"", ".", ".."} or p[0] == "-" for p in parts):
        return _odd(path, f"the path {shown(path)} is not plain text")
    if "\\" in path:
        return _odd(path, f"the path {shown(path)} has a backslash, which parts folders on Windows")
    for part in parts:
        if reason := _refused_by_windows(part, folder=part is not parts[-1]):
            return _odd(path, f"Windows cannot check out {shown(path)}: {reason}")
    return None


def collisions(paths: Iterable[str]) -> dict[str, Diagnostic]:
    """An error at each path that is that of another file but for upper and lower case, unless it is in lower case."""
    known = tuple(paths)
    unusual = [path for path in known if folded(path) != path]
    if not unusual:
        return {}
    counted = Counter(folded(path) for path in known)
    found = {}
    for path in unusual:
        if counted[folded(path)] > 1:
            message = f"the path {shown(path)} is that of another file but for upper and lower case"
            hint = "rename it, in lower case"
            found[path] = Places(path).problem_at(rules.CASE_COLLISION, message, None, hint=hint)
    return found


def folded(path: str) -> str:
    """A path as file systems that ignore case and forms of letters see it."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def _odd(path: str, message: str) -> Diagnostic:
    return Places(path).problem_at(rules.ODD_PATH, message, None, hint="rename it")


def _refused_by_windows(part: str, *, folder: bool) -> str:
    """Why Windows has no file of that name. Devices are left to the rule on names where a manifest is named so."""
    if part.endswith((".", " ")):
        return f"{shown(part)} ends in a {'dot' if part.endswith('.') else 'space'}"
    if match := _NOT_ON_WINDOWS.search(part):
        return f"`{match[0]}` is not allowed in a name"
    stem = part.partition(".")[0].rstrip(" ").lower()
    if folder and grammar.matches(grammar.DEVICE, stem):
        return f"`{stem}` is a device"
    return ""
