"""What a Benthos pipeline needs: components, functions and methods, each with its place.

How a component is named follows Benthos (`internal/docs/config.go`): an explicit `type`, else the one key that is no
reserved field. Where components nest follows the fields that Benthos and Connect declare as components. A template
needs what its tests expect and what its mapping names.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml

from wombat_gitops.domain.bloblang import read_interpolations, read_mapping
from wombat_gitops.domain.configuration import Source, compose, fields_of, variable_problems
from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.places import Span, did_you_mean, shown
from wombat_gitops.domain.requirements import needs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from wombat_gitops.domain import bloblang

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

_OTHER_ROOTS: Final = frozenset(
    ["http", "pipeline", "logger", "shutdown_delay", "shutdown_timeout", "error_handling", "tests"]
)
"""Root fields of Benthos 4.77 that hold no component; it refuses every other one unless it runs with `--chilled`."""

_MOST_FILES: Final = 100
"""Files that mappings of one configuration import."""

_MAPPING_KEY: Final = re.compile(r"(?:\w+_)?(?:mapping|map|check|bloblang|mutation)|when|skip_on")


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


def template_of(data: bytes) -> Component | None:
    """The component that a file defines where it is a template of Benthos, or None."""
    root = compose("", data).root
    fields = dict(fields_of(root)) if isinstance(root, yaml.MappingNode) else {}
    if not _is_template(fields):
        return None
    return Component(str(fields["type"].value).replace("_", "-"), str(fields["name"].value))


def read_pipeline(
    path: str, data: bytes, known: Collection[Component], read: Callable[[str], bytes | None] | None = None
) -> Pipeline:
    """Read one pipeline. Never raises, whatever the bytes are.

    Args:
        path: names the file in diagnostics.
        known: everything that any package registers or a template defines; a component that is not there is an error,
            and of the functions and methods that mappings call only those count that are there: the others are
            Benthos' own.
        read: gives the bytes of a file that a mapping imports, by its path relative to the pipeline, or None.
    """
    found = compose(path, data)
    if found.problem is not None:
        return Pipeline((), (found.problem,))
    if not isinstance(found.root, yaml.MappingNode):
        message = "a pipeline is a map with `input`, `pipeline` and `output`"
        return Pipeline((), (found.source.places.problem_at(rules.PIPELINE_FORM, message, Span(1, 1)),))
    reader = _Reader(found.source, frozenset(known), read)
    reader.root(found.root)
    problems = [*reader.problems, *variable_problems(found.source)]
    return Pipeline(tuple(sorted(reader.needs.values())), tuple(sorted(problems)))


class _Reader:
    """Walks a configuration. A node that several aliases mean is looked at once in each role."""

    def __init__(self, source: Source, known: frozenset[Component], read: Callable[[str], bytes | None] | None) -> None:
        self._source = source
        self._places = source.places
        self._known = known
        self._read = read
        self._imported = set[str]()
        self._seen = set[tuple[int, str]]()
        self.needs: dict[Component, Need] = {}
        self.problems: list[Diagnostic] = []

    def root(self, node: yaml.MappingNode) -> None:
        """Read a whole configuration."""
        fields = dict(fields_of(node))
        if _is_template(fields):
            self._template(fields)
            return
        unknown = list[tuple[str, yaml.Node]]()
        for name, value in fields.items():
            if name in _ROOT:
                self._components(_ROOT[name], value, maps=False)
            elif name == "pipeline":
                self._inside(name, value)
            elif name not in _OTHER_ROOTS:
                unknown.append((name, value))
        if not self.needs and not self.problems and "tests" not in fields:
            hint = "a manifest is validated by `wombat validate`" if "apiVersion" in fields else ""
            self._wrong_form(node, "it names no component, so it is no pipeline", hint)
            return
        for name, value in unknown:
            self._unknown_root(name, _key(node, name) or value)
        streams = fields.keys() & {"input", "output", "pipeline"}
        implied = (*_ALWAYS, *self._ends(fields)) if streams else ()
        for component in implied:
            if component in self._known:
                self.needs.setdefault(component, Need(component, self._places.path))

    def _template(self, fields: Mapping[str, yaml.Node]) -> None:
        kind = str(fields["type"].value).replace("_", "-")
        mapping = fields["mapping"]
        if isinstance(mapping, yaml.ScalarNode):
            found = read_mapping(str(mapping.value))
            named = [Component(kind, path[0]) for path in found.assigned if path]
            named += [component for key in found.keys if (component := self._meant(kind, key)) is not None]
            for component in named:
                if component in self._known:
                    self._need(component, mapping)
            self._mapping("mapping", mapping)
        tests = fields.get("tests")
        for test in tests.value if isinstance(tests, yaml.SequenceNode) else ():
            expected = dict(fields_of(test)).get("expected") if isinstance(test, yaml.MappingNode) else None
            if expected is not None:
                self._components(kind, expected, maps=False)

    def _meant(self, kind: str, name: str) -> Component | None:
        """The component that a key of an object in a template's mapping names, or None."""
        found = [Component(each, name) for each in (kind, "processor", "input", "output", "cache", "scanner")]
        return next((each for each in found if each in self._known), None)

    def _unknown_root(self, name: str, node: yaml.Node) -> None:
        refused = "the program refuses it unless it is started with `run --chilled`"
        message = f"Benthos has no root field {shown(name)}: {refused}"
        meant = did_you_mean(name, (*_ROOT, *_OTHER_ROOTS))
        span = self._source.span(node.start_mark, node.end_mark)
        problem = self._places.problem_at(
            rules.PIPELINE_FORM, message, span, hint=meant or "remove it", severity=Severity.WARNING
        )
        self.problems.append(problem)

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
            for _, value in fields_of(node):
                self._component(kind, value)
        else:
            self._component(kind, node)

    def _component(self, kind: str, node: yaml.Node) -> None:
        if not isinstance(node, yaml.MappingNode):
            return  # nothing, a variable, or another component's field of the same name
        fields = dict(fields_of(node))
        beside = _RESERVED | _RESERVED_TOO.get(kind, frozenset())
        own = {name: value for name, value in fields.items() if name not in beside}
        name = self._name(kind, fields, own)
        if not name:
            return
        word = _key(node, name) or fields.get("type") or node
        if not self._unnamed(kind, word):
            self._need(Component(kind, name), word)
        for each in beside & fields.keys():
            self._field(each, fields[each])
        itself = _ITSELF.get(Component(kind, name))
        body = own.get(name)
        if body is None:
            return
        for required, place in needs_of(name, body):
            self._need(required, place)
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
        span = self._source.span(node.start_mark, node.end_mark)
        if component in self._known:
            line, column = (span.line, span.column) if span else (0, 0)
            self.needs.setdefault(component, Need(component, self._places.path, line, column))
        else:
            message = f"no package registers {component.kind} {shown(component.name)}"
            hint = self._hint(component)
            self.problems.append(self._places.problem_at(rules.PIPELINE_COMPONENT, message, span, hint=hint))

    def _unnamed(self, kind: str, word: yaml.Node) -> bool:
        """Whether a variable without a default names a component; a warning at each that a variable names."""
        use = self._source.use_in(word) if isinstance(word, yaml.ScalarNode) else None
        if use is None:
            return False
        taken = f"its default {shown(use.default)} is taken" if use.default is not None else "it has no default"
        message = f"variable {shown(use.name)} names {_a(kind)}, and {taken}: another value may need other packages"
        hint = "write the name, and keep variables to values"
        self.problems.append(
            self._places.problem_at(
                rules.PIPELINE_UNCLEAR, message, self._source.at(use.at), hint=hint, severity=Severity.WARNING
            )
        )
        return use.default is None

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
            for name, value in fields_of(node) if isinstance(node, yaml.MappingNode) else ():
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
        if _MAPPING_KEY.fullmatch(key):
            self._called(read_mapping(text), 0, node, "")
        for at, part in read_interpolations(text):
            self._called(part, at, node, "")

    def _called(self, found: bloblang.Mapping, at: int, node: yaml.ScalarNode, folder: str) -> None:
        span = self._source.span(node.start_mark)
        line = span.line if span is not None else 0
        for call in found.calls:
            component = Component("bloblang-method" if call.method else "bloblang-function", call.name)
            if component in self._known:
                self.needs.setdefault(component, Need(component, self._places.path, line))
        for each in found.imports:
            self._import(posixpath.normpath(posixpath.join(folder, each.path)), at, node)

    def _import(self, path: str, at: int, node: yaml.ScalarNode) -> None:
        """Read a file that a mapping imports, once, and what that imports."""
        if path in self._imported or self._read is None:
            return
        self._imported.add(path)
        data = self._read(path) if len(self._imported) <= _MOST_FILES else None
        if data is None:
            message = f"{shown(path)}, which this mapping imports, cannot be read, so what it calls is not known"
            span = self._source.span(node.start_mark)
            hint = "paths are relative to the configuration; run the command where the file is"
            problem = self._places.problem_at(
                rules.PIPELINE_UNCLEAR, message, span, hint=hint, severity=Severity.WARNING
            )
            self.problems.append(problem)
            return
        found = read_mapping(data.decode(errors="replace"))
        self._called(found, at, node, posixpath.dirname(path) or ".")

    def _wrong_form(self, node: yaml.Node, message: str, hint: str) -> None:
        span = self._source.span(node.start_mark)
        self.problems.append(self._places.problem_at(rules.PIPELINE_FORM, message, span, hint=hint))

    def _first(self, node: yaml.Node, role: str) -> bool:
        mark = (id(node), role)
        new = mark not in self._seen
        self._seen.add(mark)
        return new


def _is_template(fields: Mapping[str, yaml.Node]) -> bool:
    return all(isinstance(fields.get(name), yaml.ScalarNode) for name in ("name", "type", "mapping"))


def _key(node: yaml.MappingNode, name: str) -> yaml.Node | None:
    """The key of that name itself, for its place."""
    return next((key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value == name), None)


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
