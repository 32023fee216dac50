"""Everything that is printed: data on standard output, the rest on standard error.

Colour is an addition only: every text reads the same without it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

SCHEMA_VERSION: Final = 1
"""Of the JSON and YAML of every command; grows when a field changes its meaning or goes away."""

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_KILO: Final = 1000


class Color(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Output(StrEnum):
    """Form of data on standard output."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


class Style(StrEnum):
    """ANSI codes by meaning."""

    BAD = "31"
    GOOD = "32"
    WARN = "33"
    BUSY = "36"
    DIM = "2"
    BOLD = "1"


@dataclass(slots=True)
class _Way:
    color: Color = Color.AUTO
    quiet: bool = False
    verbose: bool = False


_way = _Way()


def configure(*, color: Color = Color.AUTO, quiet: bool = False, verbose: bool = False) -> None:
    """Set how this process prints."""
    _way.color = color
    _way.quiet = quiet
    _way.verbose = verbose


def colored(stream: TextIO) -> bool:
    """Whether to colour what goes to *stream*."""
    if _way.color is not Color.AUTO:
        return _way.color is Color.ALWAYS
    return is_screen(stream) and not os.environ.get("NO_COLOR")


def is_screen(stream: TextIO) -> bool:
    """Whether a person looks at *stream* on a terminal that can redraw lines."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


def is_verbose() -> bool:
    """Whether more is to be told."""
    return _way.verbose


def live() -> bool:
    """Whether progress may be redrawn in place on standard error."""
    return is_screen(sys.stderr) and not _way.quiet


def paint(words: str, style: Style | None, stream: TextIO | None = None) -> str:
    """*words* in colour, where *stream* (standard output by default) takes it."""
    if style is None or not colored(stream or sys.stdout):
        return words
    return f"\x1b[{style.value}m{words}\x1b[0m"


_RULE: Final = re.compile(r"^(\S.*?: )(WOM-\d{3})(?= )", re.MULTILINE)


def accented(diagnostics: str, stream: TextIO | None = None) -> str:
    """Rendered diagnostics with their rules in colour, where *stream* takes it."""
    return _RULE.sub(lambda match: f"{match[1]}{paint(match[2], Style.BAD, stream)}", diagnostics)


def out(words: str = "") -> None:
    """Print a line of data."""
    sys.stdout.write(f"{words}\n")


def note(words: str, *, always: bool = False) -> None:
    """Tell something about the work on standard error; `--quiet` hides it unless *always*."""
    if always or not _way.quiet:
        sys.stderr.write(f"{words}\n")
        sys.stderr.flush()


def warning(words: str) -> None:
    """Warn on standard error."""
    note(f"{paint('warning', Style.WARN, sys.stderr)}: {words}", always=True)


def error(message: str, hint: str = "") -> None:
    """Say on standard error what went wrong and what to do."""
    note(f"{paint('error', Style.BAD, sys.stderr)}: {message}", always=True)
    if hint:
        note(f"\n{paint('hint', Style.BUSY, sys.stderr)}: {hint}", always=True)


def emit(data: Mapping[str, Any], output: Output, table: Callable[[], str]) -> None:
    """Print data in the form that was asked for.

    Args:
        data: JSON values; `schema_version` is added.
        table: makes the text for people.
    """
    if output is Output.TABLE:
        words = table()
        if words:
            out(words)
        return
    document = {"schema_version": SCHEMA_VERSION, **data}
    if output is Output.JSON:
        out(json.dumps(document, indent=2, ensure_ascii=False))
        return
    import yaml

    sys.stdout.write(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


Cell = str | tuple[str, Style | None]


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Aligned columns, two blanks apart, nothing cut off."""
    plain = [[cell if isinstance(cell, str) else cell[0] for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in [list(heads), *plain]) for column in range(len(heads))]
    lines = [_line([(head, Style.BOLD) for head in heads], widths)]
    lines.extend(_line(row, widths) for row in rows)
    return "\n".join(lines)


def fields(pairs: Sequence[tuple[str, str]]) -> str:
    """`name  value` lines; a value of several lines is set off; empty ones are left out."""
    shown = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join(
        f"{paint(name.ljust(width), Style.BOLD)}  {value.replace(chr(10), chr(10) + ' ' * (width + 2))}"
        for name, value in shown
    )


def painted(cell: Cell) -> str:
    """The words of a cell in its colour."""
    return cell if isinstance(cell, str) else paint(*cell)


def _line(row: Sequence[Cell], widths: Sequence[int]) -> str:
    cells = []
    for index, cell in enumerate(row):
        words = cell if isinstance(cell, str) else cell[0]
        gap = "" if index == len(row) - 1 else " " * (widths[index] - len(words))
        cells.append(painted(cell) + gap)
    return "  ".join(cells).rstrip()


STATE_STYLES: Final[dict[str, Style]] = {
    "succeeded": Style.GOOD,
    "failed": Style.BAD,
    "running": Style.BUSY,
    "queued": Style.WARN,
    "cancelled": Style.DIM,
    "superseded": Style.DIM,
    "Healthy": Style.GOOD,
    "Degraded": Style.BAD,
    "Progressing": Style.BUSY,
    "Missing": Style.WARN,
    "SUSPENDED": Style.WARN,
    "retired": Style.DIM,
}


def state(word: str) -> Cell:
    """A state in its colour."""
    return (word, STATE_STYLES.get(word))


_SANDBOX_STYLES: Final[dict[str, Style]] = {"landlock": Style.WARN, "none": Style.BAD}


def sandbox(level: str) -> Cell:
    """How packages are contained; the weaker levels in colour. "" is that of an earlier release."""
    return (level or "not recorded", _SANDBOX_STYLES.get(level))


def span(seconds: float) -> str:
    """A length of time: `8.2 s`, `1 m 36 s`, `3 h 5 m`, `12 d`."""
    if seconds < 10:  # noqa: PLR2004
        return f"{max(seconds, 0):.1f} s"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} m {whole % _MINUTE} s"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} m"
    return f"{whole // _DAY} d"


def age(then: datetime, now: datetime) -> str:
    """How long ago, in one unit: `4 m`."""
    seconds = max(int((now - then).total_seconds()), 0)
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def size(count: int) -> str:
    """A number of bytes in decimal units: `41.2 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < _KILO:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _KILO
    return f"{amount:.1f} TB"


def plural(count: int, noun: str) -> str:
    """`1 build`, `3 builds`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
