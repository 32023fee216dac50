"""Everything that is printed: data on standard output, the rest on standard error.

Nothing else in the package writes to a terminal. Whatever a text holds, it is shown by `domain.visible` and cannot act
on the terminal; only the styles of `paint` become escape sequences. Colour is an addition: every text reads the same
without it.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import secrets
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TextIO

from wombat_gitops.domain.visible import visible, visible_json, visible_line

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


_OURS: Final = f"\x1b{secrets.token_hex(8)}"
"""Begins each style until it is printed; no foreign text can know it."""
_STYLE: Final = re.compile(rf"{_OURS}\[(\d+)m")


def paint(words: str, style: Style | None, stream: TextIO | None = None) -> str:
    """*words* in colour, where *stream* (standard output by default) takes it; for the functions below to print."""
    if style is None or not colored(stream or sys.stdout):
        return words
    return f"{_OURS}[{style.value}m{words}{_OURS}[0m"


_RULE: Final = re.compile(r"^(\S.*?: )(WOM-\d{3})(?= )", re.MULTILINE)


def accented(diagnostics: str, stream: TextIO | None = None) -> str:
    """Rendered diagnostics with their rules in colour, where *stream* takes it."""
    return _RULE.sub(lambda match: f"{match[1]}{paint(match[2], Style.BAD, stream)}", diagnostics)


def out(words: str = "", *, end: str = "\n") -> None:
    """Print lines of data for people."""
    _print(sys.stdout, f"{words}{end}")


def exact(words: str) -> None:
    """Print a text that programs read back, such as a patch: its very bytes, unless a terminal would obey them."""
    sys.stdout.flush()
    shown = visible(words) if sys.stdout.isatty() else words
    sys.stdout.buffer.write(shown.encode(errors="surrogateescape"))
    sys.stdout.flush()


def note(words: str, *, always: bool = False) -> None:
    """Tell something about the work on standard error; `--quiet` hides it unless *always*."""
    if always or not _way.quiet:
        _print(sys.stderr, f"{words}\n")
        sys.stderr.flush()


def ask(question: str) -> bool:
    """Ask a person on standard error; only `y` and `yes` agree."""
    _print(sys.stderr, f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


class Passing:
    """Foreign output, printed as it comes; bytes that are no UTF-8 are shown as escapes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._held = ""

    def write(self, data: bytes) -> None:
        """Print what is complete; half a character waits, and carriage returns, as the last may end a line."""
        words = self._held + self._decoder.decode(data)
        shown = words.rstrip("\r")
        self._held = words[len(shown) :]
        _print(self._stream, shown)

    def close(self) -> None:
        """Print what has waited."""
        _print(self._stream, self._held + self._decoder.decode(b"", final=True))
        self._stream.flush()


def _print(stream: TextIO, words: str) -> None:
    pieces = _STYLE.split(words)
    pieces[::2] = map(visible, pieces[::2])
    pieces[1::2] = [f"\x1b[{style}m" for style in pieces[1::2]]
    stream.write("".join(pieces))


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
        out(visible_json(json.dumps(document, indent=2, ensure_ascii=False)))
        return
    out(_yaml(document), end="")


def _yaml(document: Mapping[str, Any]) -> str:
    """YAML of the same values: what is hidden stands in double quotes, where our escapes are those of YAML."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes what has to be escaped."""

    def text_node(dumper: yaml.SafeDumper, words: str) -> yaml.ScalarNode:
        style = None if visible(words) == words else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", words, style)

    Dumper.add_representer(str, text_node)
    return visible(yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True))


Cell = str | tuple[str, Style | None]


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Aligned columns, two blanks apart, nothing cut off; each row is one line."""
    cells: list[list[tuple[str, Style | None]]] = [[(head, Style.BOLD) for head in heads]]
    cells += [list(map(_cell, row)) for row in rows]
    widths = [max(len(row[column][0]) for row in cells) for column in range(len(heads))]
    return "\n".join(_line(row, widths) for row in cells)


def fields(pairs: Sequence[tuple[str, str]]) -> str:
    """`name  value` lines; a value of several lines is set off; empty ones are left out."""
    shown = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join(
        f"{paint(name.ljust(width), Style.BOLD)}  {value.replace(chr(10), chr(10) + ' ' * (width + 2))}"
        for name, value in shown
    )


def painted(cell: Cell) -> str:
    """The words of a cell in its colour, on one line."""
    return paint(*_cell(cell))


def _cell(cell: Cell) -> tuple[str, Style | None]:
    words, style = cell if isinstance(cell, tuple) else (cell, None)
    return visible_line(words), style


def _line(row: Sequence[tuple[str, Style | None]], widths: Sequence[int]) -> str:
    cells = []
    for index, (words, style) in enumerate(row):
        gap = "" if index == len(row) - 1 else " " * (widths[index] - len(words))
        cells.append(paint(words, style) + gap)
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
