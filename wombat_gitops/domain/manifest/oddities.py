"""What stands in a file and was not written by a person: leftovers of git, and characters that cannot be seen."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.places import Places, Span

if TYPE_CHECKING:
    from wombat_gitops.domain.diagnostics import Diagnostic

HIDDEN: Final = "\\u00ad\\u180e\\u200b\\u2060-\\u2064\\ufeff\\ufff9-\\ufffb\\U000e0000-\\U000e007f"
"""Characters without width that no language needs, as a class of a regular expression.

Joiners (U+200C, U+200D) are not among them: emoji and several scripts need them in a description.
"""

_LFS: Final = "version https://git-lfs.github.com/spec/"
_CONFLICT: Final = re.compile(r"^(?:<{7}|>{7}|\|{7})(?= |$)", re.MULTILINE)
"""How git begins a part of an unresolved merge (`|||||||` in the styles diff3 and zdiff3)."""
_BLANK: Final = re.compile("[\\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000]")
"""Blanks that are none for YAML and for names; in a description they are fine."""
_NAMES: Final = {"\u00ad": "soft hyphen", "\ufeff": "zero width no-break space", "\u00a0": "no-break space"}


def left_by_git(text: str, places: Places) -> tuple[Diagnostic, ...]:
    """An error where git left something else in a file than its text: an open merge, or a pointer of Git LFS."""
    if text.startswith(_LFS):
        hint = "take it out of .gitattributes and add the file again: manifests and locks are kept in git itself"
        return (places.problem_at(rules.LFS_POINTER, "the file is a Git LFS pointer", Span(1, 1), hint=hint),)
    first = _CONFLICT.search(text)
    if first is None:
        return ()
    message = f"the file has marks of a merge that was not resolved (`{first[0]}`)"
    hint = "resolve the merge and remove the marks"
    span = span_at(text, first.start(), len(first[0]))
    return (places.problem_at(rules.MERGE_CONFLICT, message, span, hint=hint),)


def odd_blanks(text: str, places: Places) -> tuple[Diagnostic, ...]:
    """An error at the first blank that is none for YAML, to be asked for where a text cannot be parsed."""
    found = _BLANK.search(text)
    if found is None:
        return ()
    message = f"{called(found[0])} is no blank in YAML"
    span = span_at(text, found.start())
    return (places.problem_at(rules.FORBIDDEN_CHARACTER, message, span, hint="write a plain space"),)


def unseen(value: str) -> str:
    """The first character of a short value, such as a name, that a person cannot see; "" where there is none."""
    return next((each for each in value if _BLANK.match(each) or unicodedata.category(each) == "Cf"), "")


def called(character: str) -> str:
    """A character by its name, or its number alone where it has none: `zero width space (U+200B)`."""
    name = _NAMES.get(character) or unicodedata.name(character, "").lower()
    return f"{name} (U+{ord(character):04X})" if name else f"character U+{ord(character):04X}"


def span_at(text: str, offset: int, length: int = 1) -> Span:
    """The place of a stretch of one line."""
    column = offset - text.rfind("\n", 0, offset)
    return Span(text.count("\n", 0, offset) + 1, column, column + length)
