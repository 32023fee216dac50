"""Foreign text made safe to show: each control or invisible character becomes an escape that people can read.

Terminals obey escape sequences: they clear the screen, set the title, write the clipboard. Bidirectional overrides
show a line in another order than programs read it, and zero-width characters hide differences between names.
Hidden here is every character of Unicode's categories Cc, Cf, Cs, Co, Cn, Zl and Zp. Blanks of any width (Zs) and
everything that has a glyph are not.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BIDI: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Characters that turn the writing direction, as a class of a regular expression."""

_LINE_END: Final = re.compile(r"\r(?=\n|\Z)")
_IN_TEXT: Final = re.compile(r"[^\n\t\x20-\x7e]")
_IN_LINE: Final = re.compile(r"[^\x20-\x7e]")
_SHORT: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_BYTE: Final = 0x100
_BASIC_PLANE: Final = 0x10000


def visible(text: str) -> str:
    r"""A text of any number of lines, with `\x1b` or `\u202e` in place of what is hidden in it.

    Line feeds and tabs stay, so the text keeps its lines. A carriage return that ends a line is dropped, any other
    one is escaped.
    """
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return _escaped(_IN_TEXT, _LINE_END.sub("", text), escape)


def visible_line(text: str) -> str:
    """As `visible`, on one line: line feeds, carriage returns and tabs are escaped as well."""
    return text if text.isprintable() else _escaped(_IN_LINE, text, escape)


def visible_json(document: str) -> str:
    """A JSON document with the same value, with JSON's own escapes for what is hidden in its strings."""
    return _escaped(_IN_TEXT, document, lambda character: json.dumps(character)[1:-1])


def escape(character: str) -> str:
    r"""One character as `\n`, `\r`, `\t`, `\xNN`, `\uNNNN` or `\UNNNNNNNN`, as Python and YAML write it."""
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < _BYTE else f"\\u{code:04x}" if code < _BASIC_PLANE else f"\\U{code:08x}"


def _escaped(suspects: re.Pattern[str], text: str, escaping: Callable[[str], str]) -> str:
    """*text* with the escapes of those *suspects* that are hidden."""
    return suspects.sub(lambda match: escaping(match[0]) if _is_hidden(match[0]) else match[0], text)


def _is_hidden(character: str) -> bool:
    return not character.isprintable() and unicodedata.category(character) != "Zs"
