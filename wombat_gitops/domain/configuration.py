"""A configuration of Benthos as YAML nodes, its variables replaced, and the place of each value in the file."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import yaml
from yaml.reader import Reader

from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.places import Places, Span, shown
from wombat_gitops.domain.variables import Substituted, Use, substitute
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml._yaml import Mark as EventMark

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 100
"""Levels of nesting; real pipelines have about twenty."""
MAX_VALUES: Final = 100_000

_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line in YAML, whose marks count lines."""


AnyMark: TypeAlias = "yaml.Mark | EventMark"
"""Marks of nodes are of the one class, marks of events of the other."""


class Source:
    """The text of a configuration, and where in the file a mark of YAML points."""

    def __init__(self, path: str, text: str) -> None:
        self.places = Places(path, tuple(_BREAK.split(text)))
        self._starts = (0, *(match.end() for match in _BREAK.finditer(text)))
        self._substituted: Substituted = substitute(text)

    @property
    def text(self) -> str:
        """The text with its variables replaced."""
        return self._substituted.text

    @property
    def uses(self) -> tuple[Use, ...]:
        """The variables, in order."""
        return self._substituted.uses

    def at(self, offset: int, length: int = 0) -> Span:
        """The place of an offset into the file as it is written."""
        line = bisect_right(self._starts, offset)
        column = offset - self._starts[line - 1] + 1
        return Span(line, column, column + length if length else 0)

    def span(self, start: AnyMark | None, end: AnyMark | None = None) -> Span | None:
        """The place of a value, to its end where it is on one line."""
        if start is None:
            return None
        if not self.uses:
            same = end is not None and end.line == start.line and end.column > start.column
            return Span(start.line + 1, start.column + 1, end.column + 1 if same and end is not None else 0)
        first = self.at(self._substituted.origin(start.index))
        last = self.at(self._substituted.origin(end.index)) if end is not None else first
        return Span(first.line, first.column, last.column if last.line == first.line < last.column else 0)

    def within(self, mark: yaml.Mark | None) -> Span | None:
        """The place of a mark; one behind all text is at the end of that."""
        span = self.span(mark)
        if span is None:
            return None
        lines = self.places.lines
        last = max((number for number, text in enumerate(lines, 1) if text.strip()), default=1)
        line, column = (span.line, span.column - 1) if span.line <= last else (last, len(lines[last - 1]))
        return Span(line, min(column, len(lines[line - 1])) + 1)

    def use_in(self, node: yaml.Node) -> Use | None:
        """The variable that a value comes from, wholly or in part."""
        if node.start_mark is None or node.end_mark is None:
            return None
        return self._substituted.use_in(node.start_mark.index, node.end_mark.index)


@dataclass(frozen=True, slots=True)
class Composed:
    """A file as YAML: its root, or why there is none (both None where it holds nothing)."""

    source: Source
    root: yaml.Node | None = None
    problem: Diagnostic | None = None


def compose(path: str, data: bytes) -> Composed:
    """Read a file. Never raises, whatever the bytes are."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        places = Places(path, tuple(_BREAK.split(data.decode(errors="replace"))))
        message = f"byte `0x{data[error.start]:02x}` is not UTF-8"
        span = _after(data[: error.start].decode())
        problem = places.problem_at(rules.PIPELINE_FORM, message, span, hint="save the file as UTF-8")
        return Composed(Source(path, ""), problem=problem)
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data):,} bytes, at most {MAX_BYTES:,} are read"
        return Composed(Source(path, ""), problem=Places(path).problem_at(rules.PIPELINE_FORM, message, None))
    source = Source(path, text)
    try:
        beyond = _beyond_limits(source)
        root = yaml.compose(source.text, Loader=yaml.CSafeLoader) if beyond is None else None
        return Composed(source, root, beyond)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"not well-formed YAML: {visible_line(error.problem or 'it ends too early')}"
        return Composed(source, problem=_wrong(source, message, source.within(mark)))
    except yaml.YAMLError:
        odd = Reader.NON_PRINTABLE.search(text)
        span = _after(text[: odd.start()]) if odd else Span(1, 1)
        return Composed(source, problem=_wrong(source, "the file holds characters that are not YAML", span))


def variable_problems(source: Source) -> Iterator[Diagnostic]:
    """An error at each variable that Benthos refuses, and a warning at the first use of each without a default."""
    seen = set[str]()
    for use in source.uses:
        span = source.at(use.at)
        if use.problem:
            yield source.places.problem_at(rules.PIPELINE_FORM, f"variable {shown(use.name)}: {use.problem}", span)
        elif use.default is None and not use.key and use.name not in seen:
            seen.add(use.name)
            message = f"variable {shown(use.name)} has no default, so it is read as empty here"
            hint = f"set it where the pipeline runs, or write a default: `${{{use.name[:40]}:value}}`"
            yield source.places.problem_at(rules.PIPELINE_UNCLEAR, message, span, hint=hint, severity=Severity.WARNING)


def fields_of(node: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node]]:
    """Fields by name, those of merge keys behind the own ones; of two fields of one name the first."""
    told, maps, known = set[str](), [node], {id(node)}
    while maps:
        for key, value in maps.pop(0).value:
            if key.tag == "tag:yaml.org,2002:merge":
                merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
                fresh = [each for each in merged if isinstance(each, yaml.MappingNode) and id(each) not in known]
                maps += fresh
                known.update(map(id, fresh))
            elif isinstance(key, yaml.ScalarNode) and key.value not in told:
                told.add(key.value)
                yield str(key.value), value


def _beyond_limits(source: Source) -> Diagnostic | None:
    """Why a text is not composed, told from its events alone, so that no nesting exhausts a stack."""
    depth = values = documents = 0
    for event in yaml.parse(source.text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        values += isinstance(event, yaml.NodeEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if depth > MAX_DEPTH:
            message = f"values are nested more than {MAX_DEPTH} levels deep"
            return _wrong(source, message, source.span(event.start_mark) or Span(1, 1))
        if values > MAX_VALUES:
            message = f"the file holds more than {MAX_VALUES:,} values"
            return _wrong(source, message, source.span(event.start_mark) or Span(1, 1))
        if documents > 1:
            hint = "move each document to a file of its own"
            span = source.span(event.start_mark) or Span(1, 1)
            return _wrong(source, "the file holds more than one document", span, hint)
    return None


def _wrong(source: Source, message: str, span: Span | None, hint: str = "") -> Diagnostic:
    return source.places.problem_at(rules.PIPELINE_FORM, message, span, hint=hint)


def _after(text: str) -> Span:
    """The place behind a text."""
    lines = _BREAK.split(text)
    return Span(len(lines), len(lines[-1]) + 1)
