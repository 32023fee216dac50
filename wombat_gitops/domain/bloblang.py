"""What a Bloblang mapping calls and imports, told from its tokens: comments and strings call nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN: Final = re.compile(
    r'(?P<comment>\#[^\n]*)|(?P<raw>""".*?""")|(?P<string>"(?:\\.|[^"\\\n])*")'
    r"|(?P<variable>[$@][A-Za-z0-9_]*)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<mark>\S)",
    re.DOTALL | re.ASCII,
)
_KEYWORDS: Final = frozenset({"if", "else", "match", "map", "let", "and", "or", "not", "in"})


@dataclass(frozen=True, slots=True)
class Call:
    """A function or method that a mapping calls; *at* is the offset of its name."""

    name: str
    method: bool
    at: int


@dataclass(frozen=True, slots=True)
class Import:
    """A file that a mapping reads; *at* is the offset of the path."""

    path: str
    at: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """What one mapping calls and imports, and the fields of `root` that it assigns to, in order."""

    calls: tuple[Call, ...]
    imports: tuple[Import, ...]
    assigned: tuple[tuple[str, ...], ...] = ()
    keys: tuple[str, ...] = ()
    """Keys of object literals, as they may name components in a template."""


def read_mapping(text: str) -> Mapping:
    """Read a whole mapping. Never raises: what is no Bloblang calls nothing."""
    tokens = [match for match in _TOKEN.finditer(text) if match.lastgroup != "comment"]
    calls, imports = list[Call](), list[Import]()
    assigned, keys = list[tuple[str, ...]](), list[str]()
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else None
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        dotted = before is not None and before.group() == "."
        if token.lastgroup == "name" and after is not None:
            if after.group() == "(" and after.start() == token.end() and (dotted or token.group() not in _KEYWORDS):
                calls.append(Call(token.group(), dotted, token.start()))
            elif token.group() in {"import", "from"} and not dotted and after.lastgroup in {"string", "raw"}:
                imports.append(Import(_text(after), after.start()))
            if token.group() == "root" and not dotted and after.group() == ".":
                assigned.append(tuple(_path(tokens[place + 1 :])))
        elif token.lastgroup == "string" and after is not None and after.group() == ":":
            keys.append(_text(token))
    return Mapping(tuple(calls), tuple(imports), tuple(assigned), tuple(keys))


def read_interpolations(text: str) -> Iterator[tuple[int, Mapping]]:
    """Read each `${! … }` of a string, with the offset of what is in it."""
    start = text.find("${!")
    while start >= 0:
        depth, end = 1, len(text)
        for token in _TOKEN.finditer(text, start + 3):
            depth += {"{": 1, "}": -1}.get(token.group(), 0)
            if not depth:
                end = token.start()
                break
        yield start + 3, read_mapping(text[start + 3 : end])
        start = text.find("${!", end)


def _text(token: re.Match[str]) -> str:
    quotes = 3 if token.lastgroup == "raw" else 1
    return token.group()[quotes:-quotes]


def _path(tokens: list[re.Match[str]]) -> Iterator[str]:
    for dot, name in zip(tokens[::2], tokens[1::2], strict=False):
        if dot.group() != "." or name.lastgroup not in {"name", "string"}:
            return
        yield _text(name) if name.lastgroup == "string" else name.group()
