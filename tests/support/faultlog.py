"""Notes how long the system took to recover from a fault, for a report: `python -m tests.support.faultlog FILE`.

Nothing is noted, and no test behaves otherwise, where the variable `WOMBAT_FAULT_REPORT` names no file.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

REPORT: Final = "WOMBAT_FAULT_REPORT"


def note(fault: str, seconds: float, *, lost: int = 0) -> None:
    """Add one try of *fault* to the report.

    Args:
        seconds: from the fault to the moment at which all is well again.
        lost: builds, artifacts or states that did not come back.
    """
    name = os.environ.get(REPORT)
    if not name:
        return
    line = json.dumps({"fault": fault, "seconds": round(seconds, 3), "lost": lost})
    with Path(name).open("a", encoding="utf-8") as file:  # one short write each, so tests may run at once
        file.write(f"{line}\n")


def table(lines: Iterable[str]) -> str:
    """Markdown of a report's lines, one row a fault, in the order of their names."""
    seconds: dict[str, list[float]] = defaultdict(list)
    lost: dict[str, int] = defaultdict(int)
    for line in lines:
        if line.strip():
            entry = json.loads(line)
            seconds[entry["fault"]].append(entry["seconds"])
            lost[entry["fault"]] += entry["lost"]
    rows = ["| fault | times tried | recovery p50 | max | lost |", "|---|---|---|---|---|"]
    for fault, taken in sorted(seconds.items()):
        rows.append(
            f"| {fault} | {len(taken)} | {_text(statistics.median(taken))} | {_text(max(taken))} | {lost[fault]} |"
        )
    return "\n".join(rows)


def _text(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


if __name__ == "__main__":
    print(table(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()))
