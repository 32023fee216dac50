"""The text of a go.mod: what a lock may say, and nothing else.

A lock requires modules at exact versions. It may replace a module by another one at an exact version, and
exclude versions; it never names a folder, a tool or a toolchain.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain import grammar
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.places import shown
from wombat_gitops.domain.model import Module, Replace
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAIN_MODULE: Final = "distribution"
"""Name of the generated main module; one name for all, because it is part of a binary's bytes."""

_GO_LINE: Final = re.compile(r"1\.\d{1,3}(\.\d{1,3})?(rc\d{1,2})?", re.ASCII)
_FOLDER: Final = re.compile(r"\.{0,2}/")
_SPACE: Final = re.compile("[ \t\r]+")
"""What parts words for Go; other blanks are part of a word, and make it none."""
_REFUSED: Final = frozenset({"replace", "exclude", "tool", "toolchain", "retract", "godebug", "ignore"})
_BLOCKS: Final = frozenset({"require", "replace", "exclude"})
REMEMBERED: Final = 20_000
"""Modules and lines of go.sum that are known to be in order: the locks of a folder have most of theirs in common."""
LONGEST: Final = 500
"""Characters of such a line; module paths have at most 200 (`manifest.texts`)."""
_USUAL: Final = 65_536
"""Characters of a go.mod that is remembered; the largest known one has a third of it."""


@dataclass(frozen=True, slots=True)
class GoMod:
    """What a go.mod says.

    Attributes:
        go: the language version it needs.
        direct: modules that are required for their own sake.
        indirect: modules that others need.
    """

    go: str
    direct: tuple[Module, ...]
    indirect: tuple[Module, ...]
    replaces: tuple[Replace, ...] = ()
    excludes: tuple[Module, ...] = ()
    _used: tuple[Module, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find out what is used; most are asked for it again and again."""
        replaced = {(each.path, each.version): each.by for each in self.replaces}
        modules = (*self.direct, *self.indirect)
        found = {replaced.get((each.path, each.version)) or replaced.get((each.path, "")) or each for each in modules}
        object.__setattr__(self, "_used", tuple(sorted(found, key=attrgetter("path", "version"))))

    def used(self) -> tuple[Module, ...]:
        """Every module whose source is compiled, by path: the required ones, or what they are replaced by."""
        return self._used


@dataclass(frozen=True, slots=True)
class Offer:
    """A replacement that a declared module makes for itself; Go does not pass it on to who requires the module."""

    module: Module
    replace: Replace


def offers(module: Module, text: str, lock: GoMod, known: Iterable[Replace]) -> tuple[Offer, ...]:
    """The replacements in a declared module's go.mod that matter to a lock: those of modules it requires.

    Args:
        text: the go.mod of *module*; folders and what cannot be read are passed over.
        known: what the manifest replaces already.
    """
    required = {each.path: each.version for each in (*lock.direct, *lock.indirect)}
    replaced = {each.path for each in known}
    found = dict[Replace, Offer]()
    with contextlib.suppress(LockRefusal):
        for words, _ in _statements(text):
            replace = _replace(words[1:]) if words[0] == "replace" else None
            if replace is None or replace.path in replaced or replace.path not in required:
                continue
            if replace.version in {"", required[replace.path]}:
                found[replace] = Offer(module, replace)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Requirements:
    """What the go.mod of a published module asks for, as far as it can be read.

    Attributes:
        modules: what it requires.
        folders: of these, the ones that it replaces by a folder of its owner's machine, by module path.
    """

    modules: tuple[Module, ...]
    folders: Mapping[str, str]


def read_requirements(text: str) -> Requirements:
    """Read the go.mod of a dependency, in which only some lines count. Never raises."""
    modules, folders = dict[str, Module](), dict[str, str]()
    with contextlib.suppress(LockRefusal):
        for words, _ in _statements(text):
            match words:
                case ["require", path, version] if is_module(path, version):
                    modules[path] = Module(path, version)
                case ["replace", path, "=>", folder] | ["replace", path, _, "=>", folder] if _FOLDER.match(folder):
                    folders[path] = visible_line(folder)
    return Requirements(tuple(modules.values()), {path: folders[path] for path in folders if path in modules})


class LockRefusal(Exception):
    """A lock that cannot be used: the rule it breaks, and how."""

    def __init__(self, rule: rules.Rule, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message


def read_go_mod(text: str) -> GoMod:
    """Read a go.mod; one that was read lately is not read again. Raises `LockRefusal`."""
    return _read_again(text) if len(text) <= _USUAL else _read(text)


@lru_cache(maxsize=64)
def _read_again(text: str) -> GoMod:
    return _read(text)


def _read(text: str) -> GoMod:  # noqa: C901 - a case a directive
    module = go = ""
    direct: dict[str, str] = {}
    indirect: dict[str, str] = {}
    replaces: dict[tuple[str, str], Replace] = {}
    excludes: list[Module] = []
    for words, comment in _statements(text):
        match words:
            case ["module", name] if not module:
                module = name
            case ["go", release] if not go and _GO_LINE.fullmatch(release):
                go = release
            case ["require", path, version] if is_module(path, version):
                if path in direct or path in indirect:
                    raise LockRefusal(rules.LOCK_UNREADABLE, f"the lock's go.mod requires {shown(path)} twice")
                (indirect if _is_indirect(comment) else direct)[path] = version
            case ["replace", *sides] if (replace := _replace(sides)) is not None:
                replaces[replace.path, replace.version] = replace
            case ["exclude", path, version] if is_module(path, version):
                excludes.append(Module(path, version))
            case [word, *_] if word in _REFUSED:
                raise LockRefusal(rules.LOCK_DIRECTIVE, f"the lock's go.mod has a `{word}` line")
            case _:
                raise LockRefusal(rules.LOCK_UNREADABLE, f"the lock's go.mod has a line {shown(' '.join(words))}")
    if module != MAIN_MODULE:
        raise LockRefusal(rules.LOCK_DIRECTIVE, f"the lock's go.mod is of module {shown(module)}, not `{MAIN_MODULE}`")
    if not go:
        raise LockRefusal(rules.LOCK_UNREADABLE, "the lock's go.mod has no `go` line")
    return GoMod(
        go,
        tuple(Module(path, version) for path, version in direct.items()),
        tuple(Module(path, version) for path, version in indirect.items()),
        tuple(sorted(replaces.values())),
        tuple(sorted(excludes)),
    )


def _is_indirect(comment: str) -> bool:
    """Whether a comment is the one that marks modules which others need, as Go reads it."""
    words = [word for word in _SPACE.split(comment) if word]
    return words == ["indirect"] or words[:1] == ["indirect;"]


def _replace(sides: list[str]) -> Replace | None:
    """A `replace` line by its words; None where it is none, or names a folder."""
    match sides:
        case [path, "=>", other, by] if is_module(path, "v0.0.0") and is_module(other, by):
            return Replace(path, "", Module(other, by))
        case [path, version, "=>", other, by] if is_module(path, version) and is_module(other, by):
            return Replace(path, version, Module(other, by))
        case _:
            return None


def _statements(text: str) -> Iterator[tuple[list[str], str]]:
    """Words and comment of each line of a go.mod, blocks resolved (the Go modules reference, "go.mod files")."""
    block = ""
    for line in text.split("\n"):
        code, _, comment = line.partition("//")
        words = [word for word in _SPACE.split(code) if word]
        if not words:
            continue
        if block and words == [")"]:
            block = ""
        elif not block and len(words) == 2 and words[1] == "(":  # noqa: PLR2004
            block = words[0]
            if block not in _BLOCKS:
                yield [block], ""
        else:
            yield ([block, *words] if block else words), comment
    if block:
        raise LockRefusal(
            rules.LOCK_UNREADABLE, f"the lock's go.mod has a `{visible_line(block)}` block without an end"
        )


def is_module(path: str, version: str) -> bool:
    """Whether these are a module and its exact version."""
    return len(path) + len(version) <= LONGEST and _has_form(path, version)


@lru_cache(maxsize=REMEMBERED)
def _has_form(path: str, version: str) -> bool:
    return grammar.matches(grammar.MODULE_PATH, path) and grammar.matches(grammar.MODULE_VERSION, version)
