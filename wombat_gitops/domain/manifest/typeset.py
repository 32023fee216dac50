"""The text of a manifest's pieces: two spaces a level, one space after a dash and a colon, two before a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.manifest.pieces import Block, Fields, Flow, Items, Part, Word

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wombat_gitops.domain.manifest.pieces import Layout, Node

_STEP: Final = 2
_WIDTH: Final = 120
"""Characters of a line up to which a value that stands below its key moves beside it."""


def typeset(layout: Layout) -> str:
    """The text of a whole file, which ends with a line end."""
    writer = _Writer()
    if layout.start:
        writer.comments(layout.before, 0)
        writer.lines.append(layout.start)
    writer.comments(layout.header, 0)
    writer.block(layout.root, 0)
    if layout.end:
        writer.lines.append(layout.end)
    writer.comments(layout.after, 0)
    return "\n".join(writer.finished()) + "\n"


class _Writer:
    """Collects lines; never two empty ones in a row, but inside of values.

    Attributes:
        lines: so far, without line ends.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._kept = 0

    def finished(self) -> list[str]:
        """All lines, without empty ones at the end that are no value's."""
        while len(self.lines) > self._kept and not self.lines[-1]:
            self.lines.pop()
        return self.lines

    def comments(self, lines: Iterable[str], column: int) -> None:
        """Add comment lines and empty ones."""
        for words in lines:
            if words:
                self.lines.append(" " * column + words)
            elif len(self.lines) > self._kept and self.lines[-1]:
                self.lines.append("")

    def block(self, node: Items | Fields, column: int) -> None:
        """Add a list or a map of lines."""
        for index, part in enumerate(node.parts):
            nested = column > 0 and not index
            self.comments(_without_blanks(part.lead) if nested else part.lead, column)
            if part.key is None:
                self._item(part, column)
            else:
                self._place(f"{' ' * column}{part.key.text}:", part, column)
        self.comments(node.tail, column)

    def _item(self, part: Part, column: int) -> None:
        if not isinstance(part.value, (Items, Fields)):
            part.below = False
            self._place(f"{' ' * column}-", part, column)
            return
        first = len(self.lines)
        self.block(part.value, column + _STEP)
        self.lines[first] = f"{' ' * column}- {self.lines[first][column + _STEP :]}"

    def _place(self, label: str, part: Part, column: int) -> None:
        """Add *label* with its value."""
        inner = column + _STEP
        value = part.value
        match value:
            case Items() | Fields():
                self.lines.append(_commented(label, part.comment))
                self.block(value, inner)
                return
            case Block():
                self.lines.append(_commented(f"{label} {value.header}", part.comment))
                indent = " " * (column + (value.extra or _STEP))
                self.lines += [f"{indent}{line}" if line else "" for line in value.lines]
                self._kept = len(self.lines) if value.keeps else self._kept
                return
            case None:
                words = [""]
            case _:
                words = _words(value, column)
        stays_below = part.below and (len(words) > 1 or len(label) + 1 + len(words[0]) > _WIDTH)
        if stays_below:
            self.lines.append(label)
            self.lines.append(" " * inner + words[0])
        else:
            self.lines.append(f"{label} {words[0]}" if words[0] else label)
        self.lines += words[1:]
        self.lines[-1] = _commented(self.lines[-1], part.comment)


def _words(value: Word | Flow, column: int) -> list[str]:
    """The lines of a value of a part at *column*: the first without its indentation, the others with it."""
    if isinstance(value, Flow):
        return [_brackets(value.tree)] if value.tree is not None else _shifted(value, column)
    if "\n" not in value.text:
        return [_quoted(value)]
    first, *others = value.text.split("\n")
    return [_trimmed(first), *(_trimmed(" " * (column + _STEP) + line.lstrip(" ")) for line in others)]


def _shifted(flow: Flow, column: int) -> list[str]:
    """The lines of a collection in brackets, moved as far as its part."""
    first, *others = flow.text.split("\n")
    moved = [_trimmed(first)]
    for line in others:
        words = line.lstrip(" ")
        moved.append(_trimmed(" " * max(len(line) - len(words) + column - flow.column, column) + words))
    return moved


def _trimmed(line: str) -> str:
    """*line* without blanks at its end; one that is escaped in quotes stays."""
    short = line.rstrip(" ")
    return f"{short} " if short.endswith("\\") and short != line else short


def _brackets(node: Node | None) -> str:
    match node:
        case Items():
            return f"[{', '.join(_brackets(part.value) for part in node.parts)}]"
        case Fields():
            pairs = [f"{part.key.text if part.key else ''}: {_brackets(part.value)}" for part in node.parts]
            return f"{{{', '.join(pairs)}}}"
        case Flow():
            return _brackets(node.tree)
        case Word():
            return _quoted(node)
        case _:
            return ""


def _quoted(word: Word) -> str:
    """A scalar on one line, in double quotes rather than single ones where that needs no escape."""
    simple = word.style == "'" and word.value == word.text[1:-1] and word.value.isprintable()
    return f'"{word.value}"' if simple and not set(word.value) & {'"', "\\", "'"} else word.text


def _commented(line: str, comment: str) -> str:
    return f"{line}  {comment}" if comment else line


def _without_blanks(lines: Sequence[str]) -> list[str]:
    start = next((index for index, words in enumerate(lines) if words), len(lines))
    return list(lines[start:])
