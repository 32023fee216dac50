"""Where work stands in a trace, as the text `traceparent` of W3C Trace Context."""

from __future__ import annotations

import re
from typing import Final

HEADER: Final = "traceparent"
"""Name of the header that carries it, on the broker as in HTTP."""

_FORM: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def traceparent(text: str | None) -> str:
    """*text* where it is one of version 00, else "": it comes from outside and is stored."""
    return text if text is not None and _FORM.fullmatch(text) else ""
