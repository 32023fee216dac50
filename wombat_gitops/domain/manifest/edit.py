"""Changing single values in a manifest's text; comments, quotes and order stay as a person wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.domain.errors import LockError
from wombat_gitops.domain.manifest.places import shown
from wombat_gitops.domain.model import CORE_MODULE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.domain.manifest.places import Places, Span
    from wombat_gitops.domain.model import Module, Replace


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


def replaces_text(replaces: Iterable[Replace], indent: str = "  ") -> str:
    """Items of a manifest's `replaces`, one after the other."""
    lines = list[str]()
    for each in replaces:
        lines.append(f"{indent}- module: {each.path}")
        lines += [f"{indent}  version: {each.version}"] if each.version else []
        lines.append(f"{indent}  with: {{module: {each.by.path}, version: {each.by.version}}}")
    return "".join(f"{line}\n" for line in lines)


def with_replaces(text: str, places: Places, replaces: Iterable[Replace]) -> str:
    """The text of a manifest with more items in `replaces`, which is added where there is none.

    Raises:
        LockError: its items are in brackets.
    """
    span, key = places.values.get("/replaces"), places.keys.get("/replaces")
    if key is None or span is None:
        return f"{text}{'' if text.endswith(chr(10)) else chr(10)}replaces:\n{replaces_text(replaces)}"
    lines = text.split("\n")
    if not lines[span.line - 1][span.column - 1 :].startswith("- "):
        msg = f"`replaces` of `{places.path}` is not a list of lines"
        raise LockError(msg, hint="write one item a line, each after `- `")
    added = replaces_text(replaces, " " * (span.column - 1)).rstrip("\n").split("\n")
    return "\n".join([*lines[: key.line], *added, *lines[key.line :]])


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
