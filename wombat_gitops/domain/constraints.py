"""Build constraints: what a Go file is built for, and what would have to change for it to be built.

Syntax and file name rules: the documentation of `go/build/constraint` and `cmd/go`, "Build constraints".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

_LINE: Final = re.compile(r"^//go:build[ \t]+(.+)$", re.MULTILINE)
_TOKEN: Final = re.compile(r"\s*(&&|\|\||!|\(|\)|[\w.]+)")
_SYSTEMS: Final = frozenset(
    {"aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "js", "linux", "netbsd", "openbsd"}
    | {"plan9", "solaris", "wasip1", "windows"}
)
_ARCHITECTURES: Final = frozenset(
    {"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le"}
    | {"riscv64", "s390x", "wasm"}
)
_UNIX: Final = frozenset({"aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "linux", "netbsd"})
_PLATFORM_TERMS: Final = _SYSTEMS | _ARCHITECTURES | {"unix"}
_IMPLIED: Final = re.compile(r"gc|go1\.\d+|goexperiment\..*")
_MOST_TOKENS: Final = 500


@dataclass(frozen=True, slots=True)
class Target:
    """What a program is built for."""

    os: str
    arch: str
    tags: frozenset[str] = frozenset()
    cgo: bool = False

    def holds(self, term: str) -> bool:
        """Whether one word of a constraint is true."""
        if term in {self.os, self.arch} or _IMPLIED.fullmatch(term):
            return True
        if term == "cgo":
            return self.cgo
        if term == "unix":
            return self.os in _UNIX
        return term in self.tags


def is_built(name: str, source: str, target: Target) -> bool:
    """Whether a file of that name and text is part of its package for *target*."""
    if not fits_name(name, target):
        return False
    if not target.cgo and _uses_c(source):
        return False
    expression = _expression(source)
    return not expression or _evaluate(expression, target)


def fits_name(name: str, target: Target) -> bool:
    """Whether a file of that name can be part of its package, whatever it says."""
    if name.endswith("_test.go") or name.startswith(("_", ".")):
        return False
    return all(target.holds(term) for term in _terms_of_name(name))


def what_it_takes(name: str, source: str, target: Target) -> Target | None:
    """The target nearest to *target* for which the file is part of its package; None where only another platform is.

    At most two build tags and cgo are tried.
    """
    if name.endswith("_test.go"):
        return None
    for count in range(3):
        for chosen in combinations(_tags(source)[:8], count):
            for cgo in (target.cgo, True):
                wider = replace(target, tags=target.tags | set(chosen), cgo=cgo)
                if is_built(name, source, wider):
                    return wider
    return None


def what_is_missing(name: str, source: str, target: Target) -> str:
    """What would make the file part of the build, as the end of "it needs …"; "" where nothing would."""
    wider = what_it_takes(name, source, target)
    if wider is not None:
        chosen = [tag for tag in _tags(source) if tag in wider.tags - target.tags]
        parts = [f"the build tag `{tag}`" for tag in chosen] + (["cgo"] if wider.cgo and not target.cgo else [])
        return " and ".join(parts)
    return "another platform" if set(_words(source)) & _PLATFORM_TERMS or _terms_of_name(name) else ""


def _words(source: str) -> list[str]:
    return [word for word in re.findall(r"[\w.]+", " ".join(_expression(source))) if not word.isdecimal()]


def _tags(source: str) -> list[str]:
    return [word for word in dict.fromkeys(_words(source)) if word not in _PLATFORM_TERMS | {"cgo", "ignore"}]


def _terms_of_name(name: str) -> list[str]:
    parts = name.removesuffix(".go").split("_")[1:]
    if len(parts) >= 2 and parts[-1] in _ARCHITECTURES and parts[-2] in _SYSTEMS:  # noqa: PLR2004
        return parts[-2:]
    return parts[-1:] if parts and parts[-1] in _SYSTEMS | _ARCHITECTURES else []


def _uses_c(source: str) -> bool:
    return re.search(r'^\s*(?:import\s+)?"C"\s*$', source, re.MULTILINE) is not None


def _expression(source: str) -> list[str]:
    match = _LINE.search(source.partition("\npackage ")[0])
    return _TOKEN.findall(match[1])[:_MOST_TOKENS] if match is not None else []


def _evaluate(tokens: list[str], target: Target) -> bool:
    """Value of a constraint by precedence: `!` before `&&` before `||`; False for what is none."""
    rest = list(reversed(tokens))

    def either(depth: int) -> bool:
        value = both(depth)
        while rest and rest[-1] == "||":
            rest.pop()
            value = both(depth) or value
        return value

    def both(depth: int) -> bool:
        value = unary(depth)
        while rest and rest[-1] == "&&":
            rest.pop()
            value = unary(depth) and value
        return value

    def unary(depth: int) -> bool:
        word = rest.pop() if rest and depth < _MOST_TOKENS else ""
        if word == "!":
            return not unary(depth + 1)
        if word == "(":
            value = either(depth + 1)
            return value and bool(rest) and rest.pop() == ")"
        return bool(word) and target.holds(word)

    return either(0)
