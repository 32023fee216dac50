"""The text of a lock's go.sum: which digest each module version has, and every line that Go would not write.

Go itself is lenient (tests/integration/golang/test_sums_as_go_reads.py): a second digest of a module is ignored where
the first one fits, so a wrong one is not seen until the order of lines changes, and digests other than `h1:` are
ignored. A lock is written by `wombat lock` alone, so everything that Go never writes is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.gomod import LONGEST, REMEMBERED, LockRefusal, is_module
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.places import Places, Span, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wombat_gitops.domain.diagnostics import Diagnostic

MOST: Final = 20
"""Problems of one go.sum that are reported."""

_DIGEST: Final = re.compile(r"h1:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")
"""Base64 of 32 bytes; the last digit holds only four bits."""
_FIELDS: Final = 3
_GO_MOD: Final = "/go.mod"
_USUAL: Final = 262_144
"""Characters of a go.sum that is remembered; the largest known one has a third of it."""


@dataclass(frozen=True, slots=True)
class SumProblem:
    """A line that Go would not write.

    Attributes:
        span: the part of the line that is wrong.
        again: the line is a harmless copy of an earlier one.
    """

    rule: rules.Rule
    message: str
    span: Span
    again: bool = False


@dataclass(frozen=True, slots=True)
class Sums:
    """What a go.sum says.

    Attributes:
        digests: by `path version`, or `path version/go.mod` for a module's go.mod alone; if contradicting, the first.
        problems: by line.
    """

    digests: Mapping[str, str]
    problems: tuple[SumProblem, ...] = ()

    @property
    def error(self) -> SumProblem | None:
        """The first problem that makes it unusable."""
        return next((each for each in self.problems if not each.again), None)


def read_go_sum(text: str) -> Sums:
    """Read a go.sum; one that was read lately is not read again. Never raises."""
    return _read_again(text) if len(text) <= _USUAL else _read(text)


def refuse_wrong_sums(text: str) -> Mapping[str, str]:
    """The digests of a go.sum that can be used.

    Raises:
        LockRefusal: there is a line that Go would not write; names its place.
    """
    sums = read_go_sum(text)
    wrong = sums.error
    if wrong is not None:
        place = f"go.sum:{wrong.span.line}:{wrong.span.column}"
        raise LockRefusal(wrong.rule, f"the lock's {place}: {wrong.message}")
    return sums.digests


def diagnose_sums(path: str, text: str, *, manifest: str) -> tuple[Diagnostic, ...]:
    """The problems of a go.sum at their places in the file *path*; *manifest* is the one to lock again."""
    problems = read_go_sum(text).problems
    places = _places(path, text) if problems else Places(path)
    return tuple(
        places.problem_at(
            each.rule,
            each.message,
            each.span,
            hint="remove one of them" if each.again else _hint(each.rule, manifest),
            severity=Severity.WARNING if each.again else Severity.ERROR,
        )
        for each in problems[:MOST]
    )


def diagnose_conflicts(locks: Mapping[str, str]) -> Mapping[str, tuple[Diagnostic, ...]]:
    """Module versions that have another digest in another lock: one of the two cannot be right.

    Args:
        locks: texts of go.sum by path.

    Returns:
        By path of a go.sum, an error at each such line that names the other place.
    """
    first = dict[str, dict[str, str]]()
    for path, text in sorted(locks.items()):
        for name, digest in read_go_sum(text).digests.items():
            first.setdefault(name, {}).setdefault(digest, path)
    disputed = {name: paths for name, paths in first.items() if len(paths) > 1}
    if not disputed:
        return {}
    found = {path: tuple(_conflicts(path, locks, disputed))[:MOST] for path in locks}
    return {path: problems for path, problems in found.items() if problems}


def _conflicts(path: str, locks: Mapping[str, str], disputed: Mapping[str, Mapping[str, str]]) -> Iterator[Diagnostic]:
    places = _places(path, locks[path])
    for name, digest in read_go_sum(locks[path]).digests.items():
        other = next((each for known, each in disputed.get(name, {}).items() if known != digest), None)
        if other is None or other == path:
            continue
        line = _line_of(name, locks[other])
        yield places.problem_at(
            rules.LOCK_DIGEST,
            f"{_named(name)} has another digest in {shown(f'{other}:{line}')}",
            _digest_span(_line_of(name, locks[path]), f"{name} {digest}"),
            hint="run `wombat lock` for both; the lock that changes was wrong",
        )


@lru_cache(maxsize=64)
def _read_again(text: str) -> Sums:
    return _read(text)


def _read(text: str) -> Sums:
    digests = dict[str, str]()
    lines = text.split("\n")
    count = 0
    for line in lines:
        if not line:
            continue
        if len(line) > LONGEST or not _is_sum(line):
            return _read_slowly(lines)
        name, _, digest = line.rpartition(" ")
        digests[name] = digest
        count += 1
    return Sums(digests) if len(digests) == count else _read_slowly(lines)


def _read_slowly(lines: list[str]) -> Sums:
    """As `_read`, where it is known that something is wrong."""
    digests = dict[str, str]()
    seen = dict[str, int]()
    problems = list[SumProblem]()
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        wrong = _wrong_line(number, line)
        name, _, digest = line.rpartition(" ")
        if wrong is not None:
            problems.append(wrong)
        elif name not in seen:
            seen[name], digests[name] = number, digest
        elif digests[name] == digest:
            message = f"this line is already line {seen[name]}"
            problems.append(SumProblem(rules.LOCK_REPEATED, message, Span(number, 1, len(line) + 1), again=True))
        else:
            message = f"{_named(name)} has another digest in line {seen[name]}"
            problems.append(SumProblem(rules.LOCK_DIGEST, message, _digest_span(number, line)))
    return Sums(digests, tuple(problems))


def _wrong_line(number: int, line: str) -> SumProblem | None:
    whole = Span(number, 1, len(line) + 1)
    fields = line.split(" ")
    if len(line) > LONGEST:
        message = f"the line has {len(line):,} characters, at most {LONGEST} fit"
        return SumProblem(rules.LOCK_UNREADABLE, message, whole)
    if len(fields) != _FIELDS or "" in fields:
        message = f"{shown(line)} is not a module, a version and a digest with one blank between them"
        return SumProblem(rules.LOCK_UNREADABLE, message, whole)
    path, version, digest = fields
    if not is_module(path, version.removesuffix(_GO_MOD)):
        message = f"{shown(f'{path} {version}')} is not a module at an exact version"
        return SumProblem(rules.LOCK_UNREADABLE, message, Span(number, 1, len(path) + len(version) + 2))
    if _DIGEST.fullmatch(digest):
        return None
    if digest.startswith("h1:"):
        message = f"the digest {shown(digest)} is not `h1:` and the base64 of 32 bytes"
    else:
        message = f"the digest {shown(digest)} is not one of Go, which begins with `h1:`"
    return SumProblem(rules.LOCK_UNREADABLE, message, _digest_span(number, line))


@lru_cache(maxsize=REMEMBERED)
def _is_sum(line: str) -> bool:
    match line.split(" "):
        case [path, version, digest]:
            return is_module(path, version.removesuffix(_GO_MOD)) and _DIGEST.fullmatch(digest) is not None
        case _:
            return False


def _places(path: str, text: str) -> Places:
    return Places(path, tuple(text.split("\n")))


def _line_of(name: str, text: str) -> int:
    """The first line of a module version."""
    beginning = f"{name} "
    return next((number for number, line in enumerate(text.split("\n"), 1) if line.startswith(beginning)), 0)


def _digest_span(number: int, line: str) -> Span:
    return Span(number, line.rindex(" ") + 2, len(line) + 1)


def _named(name: str) -> str:
    """`a.b/c v1.0.0/go.mod` in words."""
    module = f"`{name.removesuffix(_GO_MOD).replace(' ', '@')}`"
    return f"the go.mod of {module}" if name.endswith(_GO_MOD) else module


def _hint(rule: rules.Rule, manifest: str) -> str:
    again = f"run `wombat lock {manifest}`"
    return f"{again}, which writes the right one of the two" if rule is rules.LOCK_DIGEST else again
