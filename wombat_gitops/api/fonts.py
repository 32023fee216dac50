"""How wide text is, without a font."""

from __future__ import annotations

from typing import Final

_FIRST: Final = 32
_TENTHS: Final = (
    *(35, 44, 51, 92, 70, 105, 86, 30, 43, 43, 55, 92, 35, 40, 35, 37, 70, 70, 70, 70, 70, 70, 70, 70),
    *(70, 70, 37, 37, 92, 92, 92, 58, 110, 75, 75, 77, 85, 70, 63, 85, 83, 32, 32, 72, 61, 95, 82, 87),
    *(66, 87, 76, 70, 67, 81, 75, 109, 75, 67, 75, 43, 37, 43, 92, 55, 55, 67, 70, 60, 70, 68, 39, 70),
    *(70, 31, 31, 64, 31, 107, 70, 67, 70, 70, 45, 57, 43, 70, 65, 90, 65, 65, 58, 70, 37, 70, 92),
)
"""Tenths of a pixel of the printable ASCII characters in DejaVu Sans, 11 px; Verdana has the same proportions."""
_WIDEST: Final = 110


def text_width(text: str) -> float:
    """Pixels of *text* in 11 px; a character that is not in the table counts as the widest."""
    places = (ord(char) - _FIRST for char in text)
    return sum(_TENTHS[place] if 0 <= place < len(_TENTHS) else _WIDEST for place in places) / 10
