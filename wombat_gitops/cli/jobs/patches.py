"""Changes of files as text that people read and `git apply` takes."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Final

_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+")


def changed_file(path: str, root: Path, before: str, after: str) -> str:
    """The change of one file, named as seen from *root*; "" where there is none."""
    name = Path(os.path.relpath(path, root)).as_posix()
    lines = difflib.unified_diff(_LINES.findall(before), _LINES.findall(after), f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
