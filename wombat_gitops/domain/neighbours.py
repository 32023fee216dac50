"""What somebody probably meant who named what is not there."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LONGEST = 128


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint with the known names that are near *name*, or ""."""
    return did_you_mean(difflib.get_close_matches(name[:_LONGEST], list(known), n=3, cutoff=0.5))


def did_you_mean(names: Sequence[str]) -> str:
    """A hint with *names*, or "" where there is none."""
    return f"did you mean {' or '.join(f'`{name}`' for name in names)}?" if names else ""
