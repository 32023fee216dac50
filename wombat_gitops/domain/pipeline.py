"""Which components a Benthos pipeline needs: its configuration read as YAML, each component with its place.

How a component is named follows Benthos (`internal/docs/config.go`): an explicit `type`, else the one key that is no
reserved field. Where components nest follows the fields that Benthos and Connect declare as components. A template
needs what its tests expect and what its mapping assigns to. What cannot be seen in a configuration is not told:
imported mappings, names from variables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml
from yaml.reader import Reader

from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.places import Places, Span, did_you_mean, shown
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 100
"""Levels of nesting; real pipelines have about twenty."""
MAX_VALUES: Final = 100_000

_RESERVED: Final = frozenset({"type", "plugin", "meta", "label"})
"""Fields beside a component's own, of every kind (`ReservedFieldsByType` of Benthos)."""
_RESERVED_TOO: Final[Mapping[str, frozenset[str]]] = {
    "input": frozenset({"processors"}),
    "output": frozenset({"processors"}),
    "metric": frozenset({"mapping"}),
}

_ROOT: Final[Mapping[str, str]] = {
    "input": "input",
    "output": "output",
    "buffer": "buffer",
    "metrics": "metric",
    "tracer": "tracer",
    "input_resources": "input",
    "output_resources": "output",
    "processor_resources": "processor",
    "cache_resources": "cache",
    "rate_limit_resources": "rate-limit",
}
_NESTED: Final[Mapping[str, str]] = {
    "processors": "processor",
    "pre_processors": "processor",
    "post_processors": "processor",
    "input": "input",
    "inputs": "input",
    "child": "input",
    "targets_input": "input",
    "output": "output",
    "outputs": "output",
    "scanner": "scanner",
    "into": "scanner",
}
"""Every field of Benthos 4.77 and Connect 4.105 that is declared with `New(Processor|Input|Output|Scanner)…Field`."""

_ITSELF: Final[Mapping[Component, str]] = {
    Component("processor", "try"): "processor",
    Component("processor", "catch"): "processor",
    Component("processor", "for_each"): "processor",
    Component("processor", "processors"): "processor",
    Component("output", "fallback"): "output",
    Component("output", "try"): "output",
    Component("output", "reject_errored"): "output",
}
"""Components whose whole value is one or more others."""

_ALWAYS: Final = (Component("buffer", "none"), Component("metric", "none"), Component("tracer", "none"))
"""What Benthos takes where a section is left out (`internal/stream/docs.go`, `internal/config/schema.go`)."""

_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line in YAML, whose marks count lines."""

_MAPPING_KEY: Final = re.compile(r"(?:\w+_)?(?:mapping|map|check|bloblang|mutation)|when|skip_on")
_INTERPOLATION: Final = re.compile(r"\$\{!(.*?)\}", re.DOTALL)
_ASSIGNED: Final = re.compile(r"^\s*root\.(?:([a-z_][a-z0-9_]*)|\"([^\"]+)\")", re.ASCII | re.MULTILINE)
_CALL: Final = re.compile(r"(\.\s*)?\b([a-z_][a-z0-9_]*)\(", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """A component that a pipeline needs.

    Attributes:
        path: the pipeline's file.
        line: where it is named first; 0 where Benthos takes it without being told.
        column: of its name in that line, or 0.
    """

    component: Component
    path: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What one file needs: each component once, sorted; and what is wrong with it, by place."""

    needs: tuple[Need, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class _Composed:
    """A file as YAML: its root, or why there is none (both None where it holds nothing)."""

    places: Places
    root: yaml.Node | None = None
    problem: Diagnostic | None = None


def template_of(data: bytes) -> Component | None:
    """The component that a file defines where it is a template of Benthos, or None."""
    root = _compose("", data).root
    fields = dict(_fields(root)) if isinstance(root, yaml.MappingNode) else {}
    if not _is_template(fields):
        return None
    return Component(str(fields["type"].value).replace("_", "-"), str(fields["name"].value))


def read_pipeline(path: str, data: bytes, known: Collection[Component]) -> Pipeline:
    """Read one pipeline. Never raises, whatever the bytes are.

    Args:
        path: names the file in diagnostics.
        known: everything that any package registers or a template defines; a component that is not there is told as an
            error, and of the functions and methods that mappings call only those count that are there: the others are
            Benthos' own.
    """
    found = _compose(path, data)
    if found.problem is not None:
        return Pipeline((), (found.problem,))
    if not isinstance(found.root, yaml.MappingNode):
        message = "a pipeline is a map with `input`, `pipeline` and `output`"
        return Pipeline((), (found.places.problem_at(rules.PIPELINE_FORM, message, Span(1, 1)),))
    reader = _Reader(found.places, frozenset(known))
    reader.root(found.root)
    return Pipeline(tuple(sorted(reader.needs.values())), tuple(sorted(reader.problems)))


def _compose(path: str, data: bytes) -> _Composed:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        places = Places(path, tuple(_BREAK.split(data.decode(errors="replace"))))
        span = _after(data[: error.start].decode())
        message = f"byte `0x{data[error.start]:02x}` is not UTF-8"
        problem = places.problem_at(rules.PIPELINE_FORM, message, span, hint="save the file as UTF-8")
        return _Composed(places, problem=problem)
    places = Places(path, tuple(_BREAK.split(text)))
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data):,} bytes, at most {MAX_BYTES:,} are read"
        return _Composed(places, problem=places.problem_at(rules.PIPELINE_FORM, message, None))
    try:
        beyond = _beyond_limits(text, places)
        root = yaml.compose(text, Loader=yaml.CSafeLoader) if beyond is None else None
        return _Composed(places, root, beyond)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"not well-formed YAML: {visible_line(error.problem or 'it ends too early')}"
        return _Composed(places, problem=places.problem_at(rules.PIPELINE_FORM, message, _within(places, mark)))
    except yaml.YAMLError:
        odd = Reader.NON_PRINTABLE.search(text)
        span = _after(text[: odd.start()]) if odd else Span(1, 1)
        message = "the file holds characters that are not YAML"
        return _Composed(places, problem=places.problem_at(rules.PIPELINE_FORM, message, span))


def _beyond_limits(text: str, places: Places) -> Diagnostic | None:
    """Why a text is not composed, told from its events alone, so that no nesting exhausts a stack."""
    depth = values = documents = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        values += isinstance(event, yaml.NodeEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        line, column = (event.start_mark.line, event.start_mark.column) if event.start_mark else (0, 0)
        span = Span(line + 1, column + 1)
        if depth > MAX_DEPTH:
            message = f"values are nested more than {MAX_DEPTH} levels deep"
            return places.problem_at(rules.PIPELINE_FORM, message, span)
        if values > MAX_VALUES:
            message = f"the file holds more than {MAX_VALUES:,} values"
            return places.problem_at(rules.PIPELINE_FORM, message, span)
        if documents > 1:
            hint = "move each document to a file of its own"
            return places.problem_at(rules.PIPELINE_FORM, "the file holds more than one document", span, hint=hint)
    return None


def _after(text: str) -> Span:
    """The place behind a text."""
    lines = _BREAK.split(text)
    return Span(len(lines), len(lines[-1]) + 1)


class _Reader:
    """Walks a configuration. A node that several aliases mean is looked at once in each role."""

    def __init__(self, places: Places, known: frozenset[Component]) -> None:
        self._places = places
        self._known = known
        self._seen = set[tuple[int, str]]()
        self.needs: dict[Component, Need] = {}
        self.problems: list[Diagnostic] = []

    def root(self, node: yaml.MappingNode) -> None:
        """Read a whole configuration."""
        fields = dict(_fields(node))
        if _is_template(fields):
            self._template(fields)
            return
        for name, value in fields.items():
            if name in _ROOT:
                self._components(_ROOT[name], value, maps=False)
            elif name == "pipeline":
                self._inside(name, value)
        if not self.needs and not self.problems:
            hint = "a manifest is validated by `wombat validate`" if "apiVersion" in fields else ""
            self._wrong_form(node, "it names no component, so it is no pipeline", hint)
            return
        streams = fields.keys() & {"input", "output", "pipeline"}
        implied = (*_ALWAYS, *self._ends(fields)) if streams else ()
        for component in implied:
            if component in self._known:
                self.needs.setdefault(component, Need(component, self._places.path))

    def _template(self, fields: Mapping[str, yaml.Node]) -> None:
        kind = str(fields["type"].value).replace("_", "-")
        mapping = fields["mapping"]
        for plain, quoted in _ASSIGNED.findall(str(mapping.value)):
            component = Component(kind, plain or quoted)
            if component in self._known:
                self._need(component, mapping)
        self._inside("mapping", mapping)
        tests = fields.get("tests")
        for test in tests.value if isinstance(tests, yaml.SequenceNode) else ():
            expected = dict(_fields(test)).get("expected") if isinstance(test, yaml.MappingNode) else None
            if expected is not None:
                self._components(kind, expected, maps=False)

    def _ends(self, fields: Mapping[str, yaml.Node]) -> Iterator[Component]:
        if "input" not in fields:
            yield Component("input", "stdin")
        if "output" not in fields:
            yield Component("output", "stdout")

    def _components(self, kind: str, node: yaml.Node, *, maps: bool) -> None:
        """Read one component, a list of them or, where *maps*, some by name."""
        if not self._first(node, f"{kind}s" if maps else kind):
            return
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._components(kind, item, maps=False)
        elif isinstance(node, yaml.MappingNode) and maps:
            for _, value in _fields(node):
                self._component(kind, value)
        else:
            self._component(kind, node)

    def _component(self, kind: str, node: yaml.Node) -> None:
        if not isinstance(node, yaml.MappingNode):
            return  # nothing, a variable, or another component's field of the same name
        fields = dict(_fields(node))
        beside = _RESERVED | _RESERVED_TOO.get(kind, frozenset())
        own = {name: value for name, value in fields.items() if name not in beside}
        name = self._name(kind, fields, own)
        if not name:
            return
        self._need(Component(kind, name), _key(node, name) or node)
        for each in beside & fields.keys():
            self._field(each, fields[each])
        itself = _ITSELF.get(Component(kind, name))
        body = own.get(name)
        if body is None:
            return
        if itself is not None:
            self._components(itself, body, maps=False)
        else:
            self._inside(name, body)

    def _name(self, kind: str, fields: Mapping[str, yaml.Node], own: Mapping[str, yaml.Node]) -> str:
        explicit = fields.get("type")
        if isinstance(explicit, yaml.ScalarNode):
            return str(explicit.value)
        fitting = [name for name in own if Component(kind, name) in self._known]
        return (fitting or [*own, ""])[0]

    def _need(self, component: Component, node: yaml.Node) -> None:
        span = _span(node.start_mark, node.end_mark)
        if "${" in component.name:
            message = f"the name of {_a(component.kind)} is {shown(component.name)}, so what it needs cannot be told"
            problem = self._places.problem_at(
                rules.PIPELINE_UNCLEAR, message, span, hint="write the name", severity=Severity.WARNING
            )
            self.problems.append(problem)
        elif component in self._known:
            line, column = (span.line, span.column) if span else (0, 0)
            self.needs.setdefault(component, Need(component, self._places.path, line, column))
        else:
            message = f"no package registers {component.kind} {shown(component.name)}"
            hint = self._hint(component)
            self.problems.append(self._places.problem_at(rules.PIPELINE_COMPONENT, message, span, hint=hint))

    def _hint(self, component: Component) -> str:
        others = sorted(each.kind for each in self._known if each.name == component.name)
        if others:
            return f"`{component.name}` is {' and '.join(_a(kind) for kind in others)}"
        names = [each.name for each in self._known if each.kind == component.kind]
        return did_you_mean(component.name, names) or "name the module that has it with `--module PATH@VERSION`"

    def _inside(self, key: str, node: yaml.Node) -> None:
        """Look for components and mappings in the fields of something."""
        if not self._first(node, f"inside {key if key in _NESTED else ''}"):
            return
        if isinstance(node, yaml.ScalarNode):
            self._mapping(key, node)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._inside(key, item)
        else:
            for name, value in _fields(node) if isinstance(node, yaml.MappingNode) else ():
                self._field(name, value)

    def _field(self, name: str, value: yaml.Node) -> None:
        if name in _NESTED and not isinstance(value, yaml.ScalarNode):
            self._components(_NESTED[name], value, maps=name in {"inputs", "outputs"})
        elif name == "catch" and isinstance(value, yaml.SequenceNode):
            self._components("processor", value, maps=False)
        else:
            self._inside(name, value)

    def _mapping(self, key: str, node: yaml.ScalarNode) -> None:
        """Note the functions and methods that a mapping calls and a package registers."""
        text = str(node.value)
        whole = _MAPPING_KEY.fullmatch(key) is not None
        for part in [text] if whole else _INTERPOLATION.findall(text):
            for dot, name in _CALL.findall(part):
                component = Component("bloblang-method" if dot else "bloblang-function", name)
                if component in self._known:
                    line = node.start_mark.line + 1 if node.start_mark is not None else 0
                    self.needs.setdefault(component, Need(component, self._places.path, line))

    def _wrong_form(self, node: yaml.Node, message: str, hint: str) -> None:
        span = _span(node.start_mark)
        self.problems.append(self._places.problem_at(rules.PIPELINE_FORM, message, span, hint=hint))

    def _first(self, node: yaml.Node, role: str) -> bool:
        mark = (id(node), role)
        new = mark not in self._seen
        self._seen.add(mark)
        return new


def _is_template(fields: Mapping[str, yaml.Node]) -> bool:
    return all(isinstance(fields.get(name), yaml.ScalarNode) for name in ("name", "type", "mapping"))


def _fields(node: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node]]:
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


def _key(node: yaml.MappingNode, name: str) -> yaml.Node | None:
    """The key of that name itself, for its place."""
    return next((key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value == name), None)


def _span(start: yaml.Mark | None, end: yaml.Mark | None = None) -> Span | None:
    if start is None:
        return None
    same = end is not None and end.line == start.line and end.column > start.column
    return Span(start.line + 1, start.column + 1, end.column + 1 if same and end is not None else 0)


def _within(places: Places, mark: yaml.Mark | None) -> Span | None:
    """The place of a mark; one behind all text is at the end of that."""
    if mark is None:
        return None
    last = max((number for number, text in enumerate(places.lines, 1) if text.strip()), default=1)
    line, column = (mark.line + 1, mark.column) if mark.line < last else (last, len(places.lines[last - 1]))
    return Span(line, min(column, len(places.lines[line - 1])) + 1)


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
