"""Environment variables of a configuration, replaced before it is read as YAML, as Benthos does.

Follows `internal/config/env_vars.go` of Benthos v4.77.0: `${NAME}`, `${NAME:default}`, either with `|base64decode`, and
`${{NAME}}` for a literal `${NAME}`. Defaults are always taken: the result is the same on every machine.
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

_START: Final = re.compile(r"\$\{([0-9A-Za-z_.]+)(?:(:)|(?:\|([0-9A-Za-z]+))?\})")
_KEY_AFTER: Final = re.compile(r"[ \t]*:(?=\s|$)")
_MOST_INDENT: Final = 200
_ESCAPED: Final = re.compile(r"\$\{(\{[0-9A-Za-z_.]+(?::[^{}]*)?\})\}")


@dataclass(frozen=True, slots=True)
class Use:
    """A place where a configuration names a variable.

    Attributes:
        default: what was taken; None where it has no default, and nothing was.
        problem: why Benthos refuses it, or "".
        at: its first character in the configuration as it is written.
        start, end: what stands in its place, as offsets into the substituted text.
        key: it has no default and is the whole key of a map. An empty key would be no YAML, so its name is put there.
    """

    name: str
    default: str | None
    problem: str
    at: int
    start: int
    end: int
    key: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch that was replaced: offsets behind it move by `end - new_end`."""

    start: int
    end: int
    new_start: int
    new_end: int


@dataclass(frozen=True, slots=True)
class Substituted:
    """A configuration without variables, and where its text comes from."""

    text: str
    uses: tuple[Use, ...]
    _passes: tuple[tuple[_Part, ...], ...]

    def origin(self, offset: int) -> int:
        """The offset in the text as it is written; of what was put in, that of its variable."""
        for parts in reversed(self._passes):
            place = bisect_right(parts, offset, key=lambda part: part.new_start) - 1
            if place >= 0:
                part = parts[place]
                offset = part.start if offset < part.new_end else offset - part.new_end + part.end
        return offset

    def use_in(self, start: int, end: int) -> Use | None:
        """The first variable that stands in a stretch of the substituted text."""
        return next((use for use in self.uses if use.start < end and start < max(use.end, use.start + 1)), None)


def substitute(text: str) -> Substituted:
    """Replace every variable by its default, or by nothing. Takes time linear in the length of *text*."""
    pieces, parts, uses, done, length = list[str](), list[_Part](), list[Use](), 0, 0
    while (match := _START.search(text, done)) is not None:
        end = _end_of_default(text, match.end()) if match[2] else match.end()
        if end < 0:
            break  # no brace closes this one, so none closes any behind it
        default, function = _split(text[match.end() : end - 1]) if match[2] else (None, match[3] or "")
        value, problem = _decoded(default or "", function)
        value = value.replace("\n", "\\n")
        key = default is None and _is_key(text, match.start(), end)
        value = match[1] if key else value
        pieces += [text[done : match.start()], value]
        length += match.start() - done
        parts.append(_Part(match.start(), end, length, length + len(value)))
        uses.append(Use(match[1], default, problem, match.start(), length, length + len(value), key))
        length += len(value)
        done = end
    replaced = "".join([*pieces, text[done:]])
    return _unescaped(replaced, tuple(uses), tuple(parts))


def _is_key(text: str, start: int, end: int) -> bool:
    before = text[text.rfind("\n", 0, start) + 1 : start][-_MOST_INDENT:]
    return _KEY_AFTER.match(text, end) is not None and (not before.strip() or before.rstrip()[-1] in "{,-")


def _end_of_default(text: str, start: int) -> int:
    """The offset behind the brace that closes a default, which may hold other variables; -1 without one."""
    place, nested = start, -1
    while (close := text.find("}", place)) >= 0:
        inner = text.find("${", place, close)
        if inner < 0 or inner + 2 == close:
            return close + 1
        place = nested = close + 1
    return nested


def _split(words: str) -> tuple[str, str]:
    default, bar, function = words.rpartition("|")
    return (default, function) if bar else (words, "")


def _decoded(value: str, function: str) -> tuple[str, str]:
    if function == "base64decode":
        try:
            return base64.b64decode(value, validate=True).decode(errors="replace"), ""
        except (binascii.Error, ValueError):
            return value, "its default is not base64"
    return value, f"there is no function `{function[:40]}` for variables" if function else ""


def _unescaped(text: str, uses: tuple[Use, ...], first: tuple[_Part, ...]) -> Substituted:
    pieces, parts, done, length = list[str](), list[_Part](), 0, 0
    for match in _ESCAPED.finditer(text):
        length += match.start() - done
        word = f"${match[1]}"
        parts.append(_Part(match.start(), match.end(), length, length + len(word)))
        pieces += [text[done : match.start()], word]
        length += len(word)
        done = match.end()
    moved = Substituted("".join([*pieces, text[done:]]), (), (first, tuple(parts)))
    if not parts:
        return Substituted(moved.text, uses, moved._passes)  # noqa: SLF001
    shift = [(part.end, part.new_end - part.end) for part in parts]
    places = [end for end, _ in shift]

    def new(offset: int) -> int:
        place = bisect_right(places, offset) - 1
        return offset + shift[place][1] if place >= 0 else offset

    again = tuple(Use(u.name, u.default, u.problem, u.at, new(u.start), new(u.end), u.key) for u in uses)
    return Substituted(moved.text, again, moved._passes)  # noqa: SLF001
