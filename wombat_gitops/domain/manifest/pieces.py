"""What a manifest's text is made of: values with their own words, and the comments that belong to them."""

from __future__ import annotations

from dataclasses import dataclass, field


class Odd(Exception):
    """The text holds something whose pieces cannot be moved, such as `? key`."""


@dataclass(slots=True)
class Word:
    """A scalar without `|` or `>`: as it is written, and its value. `style` is the quote, or "" without one."""

    text: str
    style: str = ""
    value: str = ""


@dataclass(slots=True)
class Block:
    """A scalar with `|` or `>`.

    Attributes:
        header: the indicators in order, without a comment.
        extra: columns that the header says its lines are indented, or 0 where it does not say.
        lines: without their indentation; nothing else of them may change.
    """

    header: str
    extra: int
    lines: list[str]
    comment: str = ""

    @property
    def keeps(self) -> bool:
        """Whether empty lines at its end are part of it."""
        return "+" in self.header


@dataclass(slots=True)
class Flow:
    """A collection in brackets.

    Attributes:
        column: of the part it is the value of; where it stands below that, as if it were indented by two.
        tree: its parts; None where it has to stay as it is written, because it has several lines for instance.
    """

    text: str
    tree: Items | Fields | None = None
    column: int = 0


@dataclass(slots=True)
class Part:
    """An item, or a field with its key.

    Attributes:
        lead: comment lines above it, "" for an empty line.
        comment: at the end of its line; of a field whose value is a block of lines, behind the colon.
        below: whether the value begins on a later line.
    """

    lead: list[str]
    key: Word | None = None
    value: Node | None = None
    comment: str = ""
    below: bool = False


@dataclass(slots=True)
class Items:
    """A list, with the comment lines at its end."""

    parts: list[Part] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Fields:
    """A map, with the comment lines at its end."""

    parts: list[Part] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)


Node = Word | Block | Flow | Items | Fields


@dataclass(slots=True)
class Layout:
    """A whole file.

    Attributes:
        before: comment lines above `---`.
        start: `---` with its comment, or "".
        header: comment lines at the top that belong to the file and not to its first field.
        end: `...` with its comment, or "".
        after: comment lines below that.
    """

    before: list[str]
    start: str
    header: list[str]
    root: Fields
    end: str
    after: list[str]
