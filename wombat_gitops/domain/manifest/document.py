"""Bytes to a tree with positions: the part of YAML that JSON can say, and nothing more.

Works on parser events with an own stack, so that no nesting exhausts the interpreter's, and stops at
the first limit that is passed. Scalars keep their exact source text: that `1.20` is a number to YAML
never loses a digit.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Final

import yaml
from yaml import events

from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.oddities import HIDDEN, called, left_by_git, odd_blanks, span_at
from wombat_gitops.domain.manifest.places import Places, Span, Spans, child, pack, shown, unpack
from wombat_gitops.domain.visible import BIDI

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32
MAX_VALUES: Final = 10_000

_FORBIDDEN: Final = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{BIDI}{HIDDEN}\ud800-\udfff\ufffe\uffff]")
"""Controls but tab and line feed, other line ends, writing directions (they hide what a line says), what has no width,
no-characters."""

_TAB: Final = re.compile("\t")
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Scalar:
    """A text, a number or a word, as it was written.

    Attributes:
        place: its span, packed.
        plain: written without quotes.
        broken: stands for something already reported; say nothing more about it.
    """

    text: str
    place: int
    plain: bool
    broken: bool = False

    @property
    def null(self) -> bool:
        """Written as nothing."""
        return self.plain and self.text in _NULLS


@dataclass(slots=True)
class Items:
    """A list."""

    place: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Fields:
    """A map, in the file's order.

    Attributes:
        keys: the packed span of each key.
        pending: the key whose value comes next.
    """

    place: int
    fields: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    pending: Scalar | None = None


Node = Scalar | Items | Fields


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file. `root` is None where nothing could be made of it; then there are diagnostics."""

    root: Node | None
    places: Places
    diagnostics: tuple[Diagnostic, ...]
    broken: frozenset[str] = frozenset()


class _Stop(Exception):
    """Reading any further is of no use; the reason is among the diagnostics."""


def parse_document(path: str, data: bytes) -> Document:
    """Read one YAML file. Never raises, whatever the bytes are."""
    places = Places(path)
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data):,} bytes, at most {MAX_BYTES:,} are read"
        return Document(None, places, (places.problem_at(rules.TOO_LARGE, message, None),))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return _not_utf8(path, data, error.start)
    text = text.replace("\r\n", "\n")
    places = Places(path, tuple(text.split("\n")))
    problems = left_by_git(text, places) or _check_characters(text, places)
    if problems:
        return Document(None, places, problems)
    builder = _Builder(places)
    try:
        builder.read(text)
    except _Stop:
        return Document(None, places, odd_blanks(text, places) or tuple(builder.problems))
    if builder.root is None and not builder.problems:
        hint = "write the distribution, or remove the file"
        builder.report(rules.EMPTY, "the file is empty", Span(1, 1), hint)
    if builder.root is None:
        return Document(None, places, tuple(builder.problems))
    placed = Places(path, places.lines, Spans(builder.values), Spans(builder.keys))
    return Document(builder.root, placed, tuple(builder.problems), frozenset(builder.broken))


def _not_utf8(path: str, data: bytes, offset: int) -> Document:
    before = data[:offset].decode()
    lines = tuple(data.decode(errors="replace").split("\n"))
    line = before.count("\n") + 1
    column = len(before.rpartition("\n")[2]) + 1
    places = Places(path, lines)
    problem = places.problem_at(
        rules.NOT_UTF8,
        f"byte `0x{data[offset]:02x}` is not UTF-8",
        Span(line, column, column + 1),
        hint="save the file as UTF-8",
    )
    return Document(None, places, (problem,))


def _check_characters(text: str, places: Places) -> tuple[Diagnostic, ...]:
    """The first of each kind of character that may not be there."""
    found = []
    for rule, pattern, name, hint in (
        (rules.BYTE_ORDER_MARK, r"\A\ufeff", "byte order mark", "save the file as UTF-8 without a byte order mark"),
        (rules.TAB, "\t", "tab", "use spaces"),
        (rules.FORBIDDEN_CHARACTER, _FORBIDDEN, "", "remove it"),
    ):
        match = re.compile(pattern).search(text, int(rule is rules.FORBIDDEN_CHARACTER and text.startswith("\ufeff")))
        if match is not None:
            what = name or called(match[0])
            span = span_at(text, match.start())
            found.append(places.problem_at(rule, f"{what} is not allowed", span, hint=hint))
    return tuple(found)


class _Builder:
    """Makes the tree from parser events, notes where its values stand, and collects what is wrong on the way.

    Attributes:
        values: packed spans of the values by JSON Pointer.
        keys: packed spans of their keys.
        broken: pointers of the values that are broken.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._stack: list[tuple[Items | Fields, str | None]] = []
        self._count = 0
        self._documents = 0
        self.root: Node | None = None
        self.values: dict[str, int] = {}
        self.keys: dict[str, int] = {}
        self.broken: set[str] = set()
        self.problems: list[Diagnostic] = []

    def report(self, rule: rules.Rule, message: str, span: Span, hint: str = "") -> None:
        self.problems.append(self._places.problem_at(rule, message, span, hint=hint))

    def read(self, text: str) -> None:
        try:
            parser = _LOADER(text)
            while (event := parser.get_event()) is not None:
                self._take(event)
        except yaml.YAMLError as error:
            self._syntax(error)

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.ScalarEvent):  # most of all events
            self._add(self._scalar(event))
        elif isinstance(event, events.DocumentStartEvent):
            self._start_document(event)
        elif isinstance(event, events.AliasEvent):
            place = _place(event)
            self.report(rules.ALIAS, f"alias `*{event.anchor}` is not allowed", unpack(place), "write the value out")
            self._add(Scalar("", place, plain=True, broken=True))
        elif isinstance(event, events.SequenceStartEvent):
            self._open(Items(self._checked(event)))
        elif isinstance(event, events.MappingStartEvent):
            self._open(Fields(self._checked(event)))
        elif isinstance(event, (events.SequenceEndEvent, events.MappingEndEvent)):
            self._stack.pop()

    def _start_document(self, event: events.DocumentStartEvent) -> None:
        self._documents += 1
        span = unpack(_place(event))
        if self._documents > 1:
            self.report(
                rules.MANY_DOCUMENTS,
                "the file holds more than one document",
                span,
                "move each document to a file of its own",
            )
            raise _Stop
        if event.version is not None or event.tags:
            self.report(rules.DIRECTIVE, "YAML directives are not allowed", span, "remove the line")

    def _scalar(self, event: events.ScalarEvent) -> Scalar:
        place = _place(event)
        if event.anchor is not None or event.tag is not None:
            self._refuse_marks(event, place)
        text = event.value
        match = None if text.isprintable() else _FORBIDDEN.search(text) or _TAB.search(text)
        if match is not None:
            message = f"{called(match[0])} is not allowed"
            self.report(rules.FORBIDDEN_CHARACTER, message, unpack(place), "remove it")
            return Scalar("", place, plain=True, broken=True)
        return Scalar(text, place, not event.style)

    def _checked(self, event: events.CollectionStartEvent) -> int:
        place = _place(event)
        self._refuse_marks(event, place)
        return place

    def _refuse_marks(self, event: events.ScalarEvent | events.CollectionStartEvent, place: int) -> None:
        if event.anchor is not None:
            message = f"anchor `&{event.anchor}` is not allowed"
            self.report(rules.ALIAS, message, unpack(place), "write the value out")
        if event.tag is not None:
            self.report(rules.TAG, f"tag {shown(event.tag)} is not allowed", unpack(place), "remove the tag")

    def _open(self, node: Items | Fields) -> None:
        pointer = self._add(node)
        if len(self._stack) >= MAX_DEPTH:
            span = unpack(node.place)
            message = f"values are nested more than {MAX_DEPTH} levels deep"
            self.report(rules.TOO_DEEP, message, Span(span.line, span.column, span.column + 1))
            raise _Stop
        self._stack.append((node, pointer))

    def _add(self, node: Node) -> str | None:
        """Put a value where it belongs; returns its pointer, or None where it is no part of the tree."""
        self._count += 1
        if self._count > MAX_VALUES:
            self.report(rules.TOO_MANY_VALUES, f"the file holds more than {MAX_VALUES:,} values", unpack(node.place))
            raise _Stop
        if not self._stack:
            self.root = node
            return self._note(node, "")
        parent, around = self._stack[-1]
        if isinstance(parent, Items):
            parent.items.append(node)
            return None if around is None else self._note(node, f"{around}/{len(parent.items) - 1}")
        if parent.pending is None:
            parent.pending = self._key(node)
            return None
        key, parent.pending = parent.pending, None
        if not self._add_field(parent, key, node) or around is None:
            return None
        return self._note(node, child(around, key.text), key)

    def _note(self, node: Node, pointer: str, key: Scalar | None = None) -> str:
        """Note where a value stands; one that is written as nothing stands at its key."""
        pointer = sys.intern(pointer)  # the manifests of a source have most of theirs in common
        place = node.place
        if isinstance(node, Scalar):
            if node.broken:
                self.broken.add(pointer)
            if key is not None and node.plain and not node.text:
                place = key.place
        if key is not None:
            self.keys[pointer] = key.place
        self.values[pointer] = place
        return pointer

    def _key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar) and (node.broken or not (node.plain and node.text == "")):
            return node
        self.report(rules.COMPLEX_KEY, "a key must be a text", unpack(node.place), "write the field's name")
        return Scalar("", node.place, plain=True, broken=True)

    def _add_field(self, parent: Fields, key: Scalar, node: Node) -> bool:
        """Make a value a field; returns whether it is one."""
        if key.broken:
            return False
        if key.plain and key.text == "<<":
            self.report(rules.MERGE_KEY, "merge key `<<` is not allowed", unpack(key.place), "write the fields out")
            return False
        if key.text in parent.fields:
            first = unpack(parent.keys[key.text])
            message = f"key {shown(key.text)} is already set in line {first.line}"
            self.report(rules.DUPLICATE_KEY, message, unpack(key.place), "remove one of them")
            return False
        parent.fields[key.text] = node
        parent.keys[key.text] = key.place
        return True

    def _syntax(self, error: yaml.YAMLError) -> None:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or "cannot be parsed"
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        last = len(self._places.lines)
        if line > last or (line == last and not self._places.lines[-1]):
            line = max(index for index, text in enumerate(("x", *self._places.lines)) if text.strip()) or 1
            column = len(self._places.lines[line - 1]) + 1
        message = f"not well-formed YAML: {shown(str(problem)).strip('`')}"
        self.report(rules.SYNTAX, message, Span(line, column), _SYNTAX_HINTS.get(str(problem), ""))
        raise _Stop


def _place(event: events.Event) -> int:
    """The packed span of an event, which ends where it is known to end on the same line."""
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        return pack(1, 1, 0)
    same = end.line == start.line and end.column > start.column
    return pack(start.line + 1, start.column + 1, end.column + 1 if same else 0)


_SYNTAX_HINTS: Final = {
    "mapping values are not allowed in this context": "put text that holds `: ` in quotes, or check the indentation",
    "could not find expected ':'": "write `field: value`",
    "found unexpected end of stream": "close the quote",
    "did not find expected ',' or ']'": "close the list with `]`",
    "did not find expected ',' or '}'": "close the map with `}`",
    "did not find expected '-' indicator": "check the indentation of the list",
    "did not find expected key": "check the indentation",
    "found character that cannot start any token": "put the text in quotes",
    "did not find expected alphabetic or numeric character": "put text that begins with `*` or `&` in quotes",
}
