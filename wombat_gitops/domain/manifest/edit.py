"""Changing single values in a manifest's text; comments, quotes and order stay as a person wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.domain.errors import LockError
from wombat_gitops.domain.manifest.places import shown
from wombat_gitops.domain.model import CORE_MODULE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.domain.manifest.places import Places, Span
    from wombat_gitops.domain.model import Module


def version_pointer(places: Places, module: str) -> str:
    """Where a manifest's own text says the version of *module*, or "" where another manifest does."""
    if module == CORE_MODULE:
        return "/benthos" if "/benthos" in places.values else ""
    index = 0
    while (pointer := f"/modules/{index}") in places.values:
        span = places.values.get(f"{pointer}/module")
        if span is not None and _bare(_slice(places, span)) == module and f"{pointer}/version" in places.values:
            return f"{pointer}/version"
        index += 1
    return ""


def upgraded_text(
    text: str, places: Places, changes: Iterable[tuple[Module, str]], version: tuple[str, str] | None = None
) -> str:
    """The text of a manifest with other versions of modules.

    Args:
        text: what *places* was made of.
        changes: each module as the manifest has it, and its new version.
        version: the distribution's own version and the one that follows it, or None to leave it.

    Raises:
        LockError: a version does not stand in this manifest by itself.
    """
    values = dict[str, tuple[str, str]]()
    for module, new in changes:
        pointer = version_pointer(places, module.path)
        if not pointer:
            msg = f"the version of `{module.path}` does not stand in `{places.path}`"
            raise LockError(msg, hint="change it in the manifest that this one takes it from")
        values[pointer] = (module.version, new)
    if version is not None:
        values["/version"] = version
    return replace_values(text, places, values)


def replace_values(text: str, places: Places, changes: Mapping[str, tuple[str, str]]) -> str:
    """The text of a manifest with other values.

    Args:
        text: what *places* was made of.
        changes: by JSON Pointer, the value that stands there and the new one, both plain scalars.

    Raises:
        LockError: what stands there is not the value as such, but an alias for instance.
    """
    lines = text.split("\n")
    spans = {pointer: places.values[pointer] for pointer in changes if pointer in places.values}
    for pointer in sorted(changes, key=lambda each: -spans[each].column if each in spans else 0):
        old, new = changes[pointer]
        span = spans.get(pointer)
        line = lines[span.line - 1] if span is not None and span.line <= len(lines) else ""
        found = line[span.column - 1 : span.end - 1] if span is not None and span.end else ""
        if span is None or _bare(found) != old:
            msg = f"{places.path}: {shown(old)} at `{pointer}` cannot be changed by itself"
            raise LockError(msg, hint=f"write `{new}` there, then run `wombat lock`")
        lines[span.line - 1] = line[: span.column - 1] + found.replace(old, new) + line[span.end - 1 :]
    return "\n".join(lines)


def _slice(places: Places, span: Span) -> str:
    return places.lines[span.line - 1][span.column - 1 : span.end - 1] if span.end else ""


def _bare(scalar: str) -> str:
    """A scalar without its quotes."""
    quoted = len(scalar) > 1 and scalar[0] == scalar[-1] and scalar[0] in "\"'"
    return scalar[1:-1] if quoted else scalar
