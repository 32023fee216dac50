"""The way in: bytes of one file or of many to distributions and diagnostics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.document import Document, Fields, Scalar, parse_document
from wombat_gitops.domain.manifest.fields import API_VERSION, KIND, RECORDS
from wombat_gitops.domain.manifest.kinds import Json, Record
from wombat_gitops.domain.manifest.meaning import Meaning
from wombat_gitops.domain.manifest.modules import Modules
from wombat_gitops.domain.manifest.places import Places, outward, shown
from wombat_gitops.domain.manifest.shared import Declares, Shared, check_licenses, gather
from wombat_gitops.domain.manifest.validation import plain_value, validate
from wombat_gitops.domain.manifest.view import View
from wombat_gitops.domain.model import Distribution

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

MAX_PROBLEMS: Final = 100
"""Diagnostics of one file that are shown."""

_POLICY: Final = re.compile(rb"""(?:^|[{,])[ \t]*["']?kind["']?[ \t]*:[ \t]*["']?Policy\b""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file by itself: what it says before it is known what other files say.

    Attributes:
        kind: the kind it is read as.
        value: its fields, checked against the schema; None where they mean nothing.
        diagnostics: of its text and its fields.
        refused: JSON Pointers of everything that is told already.
    """

    kind: str
    value: Mapping[str, Json] | None
    diagnostics: tuple[Diagnostic, ...]
    places: Places
    refused: frozenset[str] = frozenset()

    @property
    def declares(self) -> Declares | None:
        """What it gives other manifests, usable or not; None for a distribution."""
        if self.kind == KIND:
            return None
        if self.value is None or has_errors(self.diagnostics):
            return Declares(self.kind, {}, self.places, usable=False)
        return Declares(self.kind, self.value, self.places)


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one file.

    Attributes:
        distribution: None where there is an error among the diagnostics, and for the other kinds.
        diagnostics: sorted by place.
        places: where the values stand, for problems found later (its lock, its name).
        kind: the kind it was read as.
        uses: paths of the other manifests that its programs depend on.
        pointers: where each package is named, full import path to JSON Pointer.
    """

    distribution: Distribution | None
    diagnostics: tuple[Diagnostic, ...]
    places: Places
    kind: str = KIND
    uses: tuple[str, ...] = ()
    pointers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ManifestSet:
    """What became of many files.

    Attributes:
        distributions: all that can be used, by name.
        diagnostics: of all files, sorted by path and place.
        places: of each file, by its path.
        readings: of each distribution's file, by its path.
        shared: what the manifests share.
    """

    distributions: tuple[Distribution, ...]
    diagnostics: tuple[Diagnostic, ...]
    places: Mapping[str, Places] = field(default_factory=dict)
    readings: Mapping[str, Reading] = field(default_factory=dict)
    shared: Shared = field(default_factory=Shared)


def read_manifest(path: str, data: bytes, shared: Shared | None = None) -> Reading:
    """Read one manifest. Never raises, whatever the bytes are.

    Args:
        path: names the file in diagnostics; its last part must be the distribution's name.
        shared: what other manifests of the source give it.
    """
    return interpret(parse_manifest(path, data), shared or Shared())


def parse_manifest(path: str, data: bytes) -> Parsed:
    """Read the text and the fields of one file, of whatever kind it is. Never raises."""
    document = parse_document(path, data)
    if document.root is None:
        return Parsed(_apparent_kind(data), None, tuple(document.diagnostics), document.places)
    kind = kind_of(document)
    if kind is None:
        problems = (*document.diagnostics, *_other_format(document))
        return Parsed(_apparent_kind(data), None, problems, document.places)
    value = plain_value(document.root, RECORDS[kind])
    found = [*document.diagnostics, *validate(document, value, kind)]
    if not isinstance(value, dict):
        return Parsed(kind, None, tuple(found), document.places)
    refused = frozenset({problem.pointer for problem in found} | document.broken)
    found += _renamed_fields(RECORDS[kind], value, document.places)
    if kind in {"Library", "Policy"}:
        found += _wrong_file_name(kind, value, document.places, refused)
        view = View(value, document.places, _soundness(refused))
        if kind == "Library":
            Modules(view, {}).check_library()
        else:
            check_licenses(view, value)
        found += view.problems
    return Parsed(kind, value, tuple(found), document.places, refused)


def interpret(parsed: Parsed, shared: Shared) -> Reading:
    """Make sense of one file together with what other manifests give it."""
    places = parsed.places
    if parsed.value is None or parsed.kind != KIND:
        return Reading(None, _shown(parsed.diagnostics, places), places, parsed.kind)
    meaning = Meaning(parsed.value, places, _soundness(parsed.refused), shared)
    meaning.check()
    found = [*parsed.diagnostics, *meaning.problems]
    distribution = None if has_errors(found) else meaning.distribution()
    return Reading(distribution, _shown(found, places), places, KIND, meaning.uses, meaning.pointers())


def read_all(files: Mapping[str, bytes], others: Iterable[Parsed] = ()) -> ManifestSet:
    """Read many manifests, by path; of two distributions with one name neither is used.

    Args:
        others: further files, which count only for what they share.
    """
    parsed = [parse_manifest(path, data) for path, data in files.items()]
    sharing = [each.declares for each in (*parsed, *others)]
    shared, problems = gather(each for each in sharing if each is not None)
    return combine((interpret(each, shared) for each in parsed), shared, problems)


def combine(
    readings: Iterable[Reading], shared: Shared | None = None, problems: Iterable[Diagnostic] = ()
) -> ManifestSet:
    """Make one set of many readings.

    Args:
        problems: of what is shared.
    """
    kept = tuple(readings)
    conflicts = find_conflicts(kept)
    taken = {conflict.path for conflict in conflicts}
    usable = [
        reading.distribution for reading in kept if reading.distribution and reading.distribution.path not in taken
    ]
    diagnostics = [problem for reading in kept for problem in reading.diagnostics]
    return ManifestSet(
        distributions=tuple(sorted(usable, key=lambda distribution: (distribution.name, distribution.path))),
        diagnostics=tuple(sorted((*diagnostics, *conflicts, *problems))),
        places={reading.places.path: reading.places for reading in kept},
        readings={reading.places.path: reading for reading in kept if reading.distribution is not None},
        shared=shared or Shared(),
    )


def find_conflicts(readings: Sequence[Reading]) -> tuple[Diagnostic, ...]:
    """An error at each manifest whose name another one has too."""
    names = [reading.distribution.name for reading in readings if reading.distribution is not None]
    if len(set(names)) == len(names):
        return ()
    by_name: dict[str, list[Reading]] = {}
    for reading in readings:
        if reading.distribution is not None:
            by_name.setdefault(reading.distribution.name, []).append(reading)
    problems = []
    for name, group in by_name.items():
        for reading in group if len(group) > 1 else ():
            others = sorted(other.places.path for other in group if other is not reading)
            message = f"distribution `{name}` is also declared in {', '.join(f'`{path}`' for path in others)}"
            hint = "rename one of them; until then none is used"
            problems.append(reading.places.problem(rules.NAME_CONFLICT, message, "/name", hint=hint))
    return tuple(problems)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether one of them makes its file unusable."""
    return any(problem.severity is Severity.ERROR for problem in diagnostics)


def kind_of(document: Document) -> str | None:
    """The kind to read a document as; None for another kind or format, whose fields mean nothing here."""
    root = document.root
    if not isinstance(root, Fields):
        return KIND
    named = {
        name: node.text
        for name, node in root.fields.items()
        if name in {"apiVersion", "kind"} and isinstance(node, Scalar) and not node.null and not node.broken
    }
    kind = named.get("kind", KIND)
    return kind if named.get("apiVersion", API_VERSION) == API_VERSION and kind in RECORDS else None


def _apparent_kind(data: bytes) -> str:
    """What a file that cannot be read probably is: breaking a policy must not be a way around it."""
    return "Policy" if _POLICY.search(data) else KIND


def _other_format(document: Document) -> list[Diagnostic]:
    root = document.root
    kind = root.fields.get("kind") if isinstance(root, Fields) else None
    known = kind.text if isinstance(kind, Scalar) and kind.text in RECORDS else KIND
    value = plain_value(root, RECORDS[known]) if root is not None else None
    return [problem for problem in validate(document, value, known) if problem.pointer in {"/apiVersion", "/kind"}]


def _renamed_fields(record: Record, value: Mapping[str, Json], places: Places) -> Iterator[Diagnostic]:
    for each in record.fields:
        if not each.renamed or each.name not in value:
            continue
        both = each.renamed in value
        message = f"`{each.name}` is the old name of `{each.renamed}`{', which counts' if both else ''}"
        hint = f"remove it; `{each.renamed}` is there" if both else f"write `{each.renamed}`"
        pointer = f"/{each.name}"
        yield places.problem(rules.RENAMED_FIELD, message, pointer, hint=hint, at_key=True, severity=Severity.HINT)


def _wrong_file_name(
    kind: str, value: Mapping[str, Json], places: Places, refused: Collection[str]
) -> Iterator[Diagnostic]:
    name, file = value.get("name"), places.path.replace("\\", "/").rpartition("/")[2]
    if isinstance(name, str) and "/name" not in refused and file not in {f"{name}.yaml", f"{name}.yml"}:
        message = f"{kind.lower()} `{name}` is in a file named {shown(file)}"
        hint = f"rename the file to `{name}.yaml`, or the {kind.lower()}"
        yield places.problem(rules.FILE_NAME, message, "/name", hint=hint)


def _soundness(refused: Collection[str]) -> Callable[[str], bool]:
    """Tells whether nothing was refused at a pointer, below it, or around it.

    Both sides are looked up, not compared one by one: a file may hold thousands of values that are refused.
    """
    touched = frozenset(pointer for wrong in refused for pointer in outward(wrong))
    if not touched:
        return lambda _: True
    return lambda pointer: pointer not in touched and not any(each in refused for each in outward(pointer))


def _shown(problems: Sequence[Diagnostic], places: Places) -> tuple[Diagnostic, ...]:
    """Sorted, each once, and no more than a person can use."""
    ordered = sorted(set(problems))
    if len(ordered) <= MAX_PROBLEMS:
        return tuple(ordered)
    shown, last = ordered[:MAX_PROBLEMS], ordered[MAX_PROBLEMS - 1]
    message = f"{len(ordered) - MAX_PROBLEMS:,} more problems are not shown"
    more = places.problem_at(rules.TOO_MANY_PROBLEMS, message, None, hint="mend those that are shown first")
    column = min(last.column + 1, len(places.lines[last.line - 1]) + 1)
    return tuple(sorted((*shown, replace(more, line=last.line, column=column))))
