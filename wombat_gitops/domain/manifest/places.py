"""Where the values of a file stand, and how a problem is reported there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wombat_gitops.domain.manifest.rules import Rule

_LONGEST_LINE: Final = 500
"""Characters; a longer line is not shown."""

_LONGEST_VALUE: Final = 60

_BITS: Final = 24
"""Of a column; files have fewer characters (`document.MAX_BYTES`)."""
_MASK: Final = (1 << _BITS) - 1


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one line: 1-based line and columns in characters; `end` 0 where it is not known."""

    line: int
    column: int
    end: int = 0


def pack(line: int, column: int, end: int) -> int:
    """A span as one number.

    A source may hold 10,000 manifests with dozens of values each; as objects, their spans would take most of
    the memory, and most of the time of every garbage collection.
    """
    return (line << 2 * _BITS) | (column << _BITS) | end


def unpack(place: int) -> Span:
    """The span that `pack` made a number of."""
    return Span(place >> 2 * _BITS, (place >> _BITS) & _MASK, place & _MASK)


class Spans(Mapping[str, Span]):
    """Spans by JSON Pointer, each packed into one number."""

    __slots__ = ("_packed",)

    def __init__(self, packed: Mapping[str, int]) -> None:
        self._packed = packed

    def __getitem__(self, pointer: str) -> Span:
        return unpack(self._packed[pointer])

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


@dataclass(frozen=True, slots=True)
class Places:
    """A file's lines, and the spans of its values and keys by JSON Pointer.

    Attributes:
        path: the file as the caller named it.
    """

    path: str
    lines: tuple[str, ...] = ()
    values: Mapping[str, Span] = field(default_factory=dict)
    keys: Mapping[str, Span] = field(default_factory=dict)

    def problem(
        self,
        rule: Rule,
        message: str,
        pointer: str = "",
        *,
        hint: str = "",
        at_key: bool = False,
        severity: Severity = Severity.ERROR,
    ) -> Diagnostic:
        """Report a problem of the value (or its key) at *pointer*, or of the nearest value around it."""
        span = self._span(pointer, at_key=at_key)
        return self.problem_at(rule, message, span, pointer=pointer, hint=hint, severity=severity)

    def problem_at(
        self,
        rule: Rule,
        message: str,
        span: Span | None,
        *,
        pointer: str = "",
        hint: str = "",
        severity: Severity = Severity.ERROR,
    ) -> Diagnostic:
        """Report a problem at a stretch of text, or of the whole file where *span* is None.

        What YAML finds missing behind the last line is told at the end of that line.
        """
        if span is not None and self.lines and span.line > len(self.lines):
            span = Span(len(self.lines), len(self.lines[-1]) + 1)
        line = span.line if span else 0
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return Diagnostic(
            path=visible_line(self.path),
            line=line,
            column=span.column if span else 0,
            rule=rule.id,
            message=message,
            hint=hint,
            severity=severity,
            end_column=span.end if span else 0,
            source_line=text if len(text) <= _LONGEST_LINE else "",
            pointer=pointer,
        )

    def _span(self, pointer: str, *, at_key: bool) -> Span | None:
        first, second = (self.keys, self.values) if at_key else (self.values, self.keys)
        while True:
            span = first.get(pointer) or second.get(pointer)
            if span is not None or not pointer:
                return span
            pointer = pointer.rpartition("/")[0]


def child(pointer: str, key: str | int) -> str:
    """The JSON Pointer of an item or a field of the value at *pointer* (RFC 6901)."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def outward(pointer: str) -> Iterator[str]:
    """The pointer itself and those of all values around it, but for the whole document."""
    while pointer:
        yield pointer
        pointer = pointer.rpartition("/")[0]


def shown(value: str) -> str:
    """A value inside a message: on one line, in backticks, cut when long."""
    text = visible_line(value[: _LONGEST_VALUE + 1]).replace("`", "'")
    return f"`{text[: _LONGEST_VALUE - 1]}…`" if len(text) > _LONGEST_VALUE else f"`{text}`"


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that *word* was probably meant to be, or ""."""
    if len(word) > _LONGEST_VALUE:
        return ""
    found = get_close_matches(word, list(known), n=1, cutoff=0.7)
    if not found:
        lowered = {candidate.lower(): candidate for candidate in known}
        return lowered.get(word.lower(), "")
    return found[0]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint with the nearest known word, or ""."""
    found = nearest(word, tuple(known))
    return f"did you mean `{found}`?" if found else ""
