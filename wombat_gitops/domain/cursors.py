"""Places in an ordered list, as text that a client gives back as it is."""

from __future__ import annotations

import re
from typing import Final

from wombat_gitops.domain.errors import Refused

Place = tuple[float, str]
"""What a list is ordered by, and the name that makes it unique. It stays a place when its entry is gone."""

CURSOR: Final = r"^-?\d{1,12}(\.\d{1,6})?~[A-Za-z0-9._~/-]{1,256}$"
"""What a cursor looks like; whatever looks so is one."""

_CURSOR: Final = re.compile(CURSOR, re.ASCII)


def make_cursor(place: Place) -> str:
    """*place* as text; its number has at most six digits behind the point."""
    number, name = place
    return f"{number:.6f}".rstrip("0").rstrip(".") + f"~{name}"


def read_cursor(text: str) -> Place:
    """The place that `make_cursor` made *text* of. Raises `Refused` where it did not."""
    if not _CURSOR.fullmatch(text):
        msg = "`cursor` is not one that a list gave"
        raise Refused(msg, hint="use the `next` of the page before as it is")
    number, _, name = text.partition("~")
    return (float(number), name)
