"""Manifests in their usual form: `wombat fmt`.

Fields come in the order in which `fields.RECORDS` names them. Comments stay with what they belong to, short forms and
values stay as they were written, and what cannot be moved safely stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.manifest import document as tree
from wombat_gitops.domain.manifest.document import parse_document
from wombat_gitops.domain.manifest.fields import RECORDS
from wombat_gitops.domain.manifest.kinds import ListOf, Record, TextMap
from wombat_gitops.domain.manifest.layout import read_layout
from wombat_gitops.domain.manifest.pieces import Fields, Flow, Items, Odd, Word
from wombat_gitops.domain.manifest.reading import kind_of
from wombat_gitops.domain.manifest.typeset import typeset

if TYPE_CHECKING:
    from collections.abc import Collection

    from wombat_gitops.domain.manifest.kinds import Kind
    from wombat_gitops.domain.manifest.pieces import Node


@dataclass(frozen=True, slots=True)
class Formatted:
    """What became of one file.

    Attributes:
        text: its usual form, which means the same; None where the file cannot be read.
        diagnostics: why it cannot be read, sorted by place. Wrong values do not keep a file from being formatted.
    """

    text: str | None
    diagnostics: tuple[Diagnostic, ...] = ()


def format_manifest(path: str, data: bytes) -> Formatted:
    """Format one manifest. Never raises, whatever the bytes are.

    A file of another format stays as it is, and so does one that would mean something else afterwards.

    Args:
        path: names the file in diagnostics.
    """
    before = parse_document(path, data)
    if before.root is None or before.diagnostics:
        return Formatted(None, tuple(sorted(before.diagnostics)))
    original = data.decode()
    kind = kind_of(before)
    if kind is None or not isinstance(before.root, tree.Fields):
        return Formatted(original)
    text = original.replace("\r\n", "\n")
    try:
        layout = read_layout(text)
    except Odd:
        return Formatted(original)
    _arrange(layout.root, RECORDS[kind])
    result = typeset(layout)
    return Formatted(result if result == text or _means_the_same(text, before.root, result, kind) else original)


def _means_the_same(text: str, root: tree.Node, result: str, kind: str) -> bool:
    """The last word on every rule here: no value is another one, and no comment is gone."""
    after = parse_document("", result.encode())
    same = after.root is not None and not after.diagnostics and _same(root, after.root, RECORDS[kind])
    return same and text.count("#") == result.count("#")


def _same(old: tree.Node, new: tree.Node, kind: Kind | None) -> bool:
    match old, new:
        case tree.Scalar(), tree.Scalar():
            return old.text == new.text and old.plain == new.plain
        case tree.Items(), tree.Items():
            inner = kind.item if isinstance(kind, ListOf) else None
            return len(old.items) == len(new.items) and all(
                _same(*pair, inner) for pair in zip(old.items, new.items, strict=True)
            )
        case tree.Fields(), tree.Fields():
            names = {name: _name_today(kind, name, old.fields) for name in old.fields}
            return len(old.fields) == len(new.fields) and all(
                today in new.fields and _same(old.fields[name], new.fields[today], _kind_inside(kind, today))
                for name, today in names.items()
            )
        case _:
            return False


def _arrange(node: Node | None, kind: Kind | None) -> None:
    """Put the fields of *node* and of all below it in order, under their names of today."""
    match node:
        case Flow():
            _arrange(node.tree, kind)
        case Items():
            for part in node.parts:
                _arrange(part.value, kind.item if isinstance(kind, ListOf) else None)
                if isinstance(part.value, (Items, Fields)):  # its first line is the one with the dash
                    first = part.value.parts[0]
                    part.lead += first.lead[1:] if first.lead and not first.lead[0] else first.lead
                    first.lead = []
        case Fields():
            _arrange_fields(node, kind)
        case _:
            pass


def _arrange_fields(node: Fields, kind: Kind | None) -> None:
    names = {part.key.value for part in node.parts if part.key is not None}
    places = {each.name: index for index, each in enumerate(kind.fields)} if isinstance(kind, Record) else {}
    ranks = list[int]()
    for part in node.parts:
        name = part.key.value if part.key is not None else ""
        today = _name_today(kind, name, names)
        if today in places:
            part.key = Word(today, "", today)
        ranks.append(places.get(today, len(places)))
        _arrange(part.value, _kind_inside(kind, today))
    order = sorted(range(len(ranks)), key=lambda index: ranks[index])
    node.parts = [node.parts[index] for index in order]


def _name_today(kind: Kind | None, name: str, present: Collection[str]) -> str:
    """The new name of a renamed field, unless that is there too."""
    found = kind.field(name) if isinstance(kind, Record) else None
    return found.renamed if found is not None and found.renamed and found.renamed not in present else name


def _kind_inside(kind: Kind | None, name: str) -> Kind | None:
    match kind:
        case Record():
            found = kind.field(name)
            return found.kind if found is not None else None
        case TextMap():
            return kind.value
        case _:
            return None
