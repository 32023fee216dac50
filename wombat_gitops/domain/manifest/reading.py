"""The way in: bytes of one file or of many to distributions and diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.document import Document, Fields, Scalar, parse_document
from wombat_gitops.domain.manifest.fields import API_VERSION, KINDS, MANIFEST
from wombat_gitops.domain.manifest.meaning import Meaning
from wombat_gitops.domain.manifest.places import Places
from wombat_gitops.domain.manifest.validation import plain_value, validate
from wombat_gitops.domain.model import Distribution

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_PROBLEMS: Final = 100
"""Diagnostics of one file that are shown."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one file.

    Attributes:
        distribution: None where there is an error among the diagnostics.
        diagnostics: sorted by place.
        places: where the values stand, for problems found later (its lock, its name).
    """

    distribution: Distribution | None
    diagnostics: tuple[Diagnostic, ...]
    places: Places


@dataclass(frozen=True, slots=True)
class ManifestSet:
    """What became of many files.

    Attributes:
        distributions: all that can be used, by name.
        diagnostics: of all files, sorted by path and place.
        places: of each file, by its path.
    """

    distributions: tuple[Distribution, ...]
    diagnostics: tuple[Diagnostic, ...]
    places: Mapping[str, Places] = field(default_factory=dict)


def read_manifest(path: str, data: bytes) -> Reading:
    """Read one manifest. Never raises, whatever the bytes are.

    Args:
        path: names the file in diagnostics; its last part must be the distribution's name.
    """
    document = parse_document(path, data)
    if document.root is None:
        return Reading(None, _shown(document.diagnostics, document.places), document.places)
    other = _other_format(document)
    if other is not None:
        problems = _shown((*document.diagnostics, *other), document.places)
        return Reading(None, problems, document.places)
    value = plain_value(document.root, MANIFEST)
    found = [*document.diagnostics, *validate(document, value)]
    if not isinstance(value, dict):
        return Reading(None, _shown(found, document.places), document.places)
    refused = {problem.pointer for problem in found} | document.broken
    meaning = Meaning(value, document.places, lambda pointer: _is_sound(pointer, refused))
    meaning.check()
    found.extend(meaning.problems)
    usable = not has_errors(found)
    return Reading(meaning.distribution() if usable else None, _shown(found, document.places), document.places)


def read_all(files: Mapping[str, bytes]) -> ManifestSet:
    """Read many manifests, by path; of two with one name neither is used."""
    return combine(read_manifest(path, data) for path, data in files.items())


def combine(readings: Iterable[Reading]) -> ManifestSet:
    """Make one set of many readings."""
    kept = tuple(readings)
    conflicts = find_conflicts(kept)
    taken = {conflict.path for conflict in conflicts}
    usable = [
        reading.distribution for reading in kept if reading.distribution and reading.distribution.path not in taken
    ]
    diagnostics = [problem for reading in kept for problem in reading.diagnostics]
    return ManifestSet(
        distributions=tuple(sorted(usable, key=lambda distribution: (distribution.name, distribution.path))),
        diagnostics=tuple(sorted((*diagnostics, *conflicts))),
        places={reading.places.path: reading.places for reading in kept},
    )


def find_conflicts(readings: Sequence[Reading]) -> tuple[Diagnostic, ...]:
    """An error at each manifest whose name another one has too."""
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


def _other_format(document: Document) -> list[Diagnostic] | None:
    """Problems of a manifest of another kind or format, whose fields mean nothing here; else None."""
    root = document.root
    if not isinstance(root, Fields):
        return None
    named = {
        name: node.text
        for name, node in root.fields.items()
        if name in {"apiVersion", "kind"} and isinstance(node, Scalar) and not node.null and not node.broken
    }
    if named.get("apiVersion", API_VERSION) == API_VERSION and named.get("kind", KINDS[0]) in KINDS:
        return None
    value = plain_value(root, MANIFEST)
    wrong = {"/apiVersion", "/kind"}
    return [problem for problem in validate(document, value) if problem.pointer in wrong]


def _is_sound(pointer: str, refused: Iterable[str]) -> bool:
    return not any(
        wrong == pointer or wrong.startswith(f"{pointer}/") or pointer.startswith(f"{wrong}/")
        for wrong in refused
        if wrong
    )


def _shown(problems: Sequence[Diagnostic], places: Places) -> tuple[Diagnostic, ...]:
    """Sorted, each once, and no more than a person can use."""
    ordered = sorted(set(problems))
    if len(ordered) <= MAX_PROBLEMS:
        return tuple(ordered)
    message = f"{len(ordered) - MAX_PROBLEMS:,} more problems are not shown"
    more = places.problem_at(rules.TOO_MANY_PROBLEMS, message, None, hint="mend those that are shown first")
    last = ordered[MAX_PROBLEMS - 1]
    return (*ordered[:MAX_PROBLEMS], replace(more, line=last.line, column=last.column + 1))
