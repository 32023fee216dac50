"""What is wrong with a file a person wrote: one value a problem, with its exact place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath


class Severity(StrEnum):
    """How much a diagnostic weighs: only an error makes the manifest unusable."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"  # all is well, and could be written better


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One problem at one place.

    Attributes:
        path: the file, as the caller named it.
        line: 1-based line of the first character; 0 where the whole file is meant.
        column: 1-based column in characters; 0 where the whole file is meant.
        rule: stable id, `WOM-012`.
        message: what is wrong, lower case, values in backticks.
        hint: what to do, or "".
        end_column: column behind the last character on the same line; 0 if unknown.
        source_line: the text of that line, for the caret picture; "" if unknown.
        pointer: JSON Pointer of the value (RFC 6901), "" for the whole document.
    """

    path: str
    line: int
    column: int
    rule: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    end_column: int = 0
    source_line: str = ""
    pointer: str = ""


def stem_of(path: str) -> str:
    """The name that a file stands for: `tiny` for the manifest `tiny.yaml` and its lock's `tiny.lock/go.sum`."""
    file = PurePosixPath(path)
    return file.parent.stem if file.parent.suffix == ".lock" else file.stem
