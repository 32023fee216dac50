"""A manifest's checked value, with the place of each part and the problems found in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.domain.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.manifest.kinds import Json
    from wombat_gitops.domain.manifest.places import Places
    from wombat_gitops.domain.manifest.rules import Rule


class View:
    """Reads fields of one value; what the schema refused reads as absent, so that each problem is told once.

    Args:
        sound: whether nothing at or below a JSON Pointer was refused so far.
    """

    def __init__(self, value: Mapping[str, Json], places: Places, sound: Callable[[str], bool]) -> None:
        self.value = value
        self.places = places
        self.sound = sound
        self.problems: list[Diagnostic] = []

    def text(self, name: str) -> str:
        """A text, or ""."""
        value = self.value.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        return texts(self.value.get(name))

    def record(self, name: str) -> Mapping[str, Json]:
        """A map, empty where there is none."""
        return record(self.value.get(name))

    def records(self, name: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
        """The maps of a list, each with its pointer."""
        value = self.value.get(name)
        for index, entry in enumerate(value if isinstance(value, list) else ()):
            if isinstance(entry, dict):
                yield f"/{name}/{index}", entry

    def report(self, rule: Rule, message: str, pointer: str, hint: str, severity: Severity = Severity.ERROR) -> None:
        """Note a problem of the value at *pointer*."""
        self.problems.append(self.places.problem(rule, message, pointer, hint=hint, severity=severity))


def text(value: Json) -> str:
    """A text, or ""."""
    return value if isinstance(value, str) else ""


def texts(value: Json) -> list[str]:
    """The texts of a list."""
    return [item if isinstance(item, str) else "" for item in value] if isinstance(value, list) else []


def record(value: Json) -> Mapping[str, Json]:
    """A map, empty where there is none."""
    return value if isinstance(value, dict) else {}
