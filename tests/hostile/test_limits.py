"""Programs that take what they can get, at each level: each limit has its verdict, and nothing is left.

`faults/test_limits.py` has the same for whole builds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hostile.packages import orders_of, sandbox_at
from wombat_gitops.adapters.golang.program import BuiltProgram
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain.errors import InternalError, OverLimit, TimedOut, WombatError

if TYPE_CHECKING:
    from pathlib import Path

    from wombat_gitops.domain.capability import SandboxLevel

MIB = 1 << 20


@pytest.mark.parametrize(
    ("deed", "seconds", "limits", "error", "reason"),
    [
        ("hoard", 60, Limits(memory=300 * MIB), OverLimit, "OutOfMemory"),
        ("litter", 60, Limits(space=64 * MIB), OverLimit, "OutputLimit"),
        ("wait", 60, Limits(silence=1), OverLimit, "SilentTimeout"),
        ("flood", 60, Limits(log=MIB), OverLimit, "LogLimit"),
        ("flood", 60, UNLIMITED, InternalError, ""),
        ("spin", 2, UNLIMITED, TimedOut, ""),
        ("wait", 2, UNLIMITED, TimedOut, ""),
    ],
    ids=["allocate", "fill the disk", "sleep in silence", "flood", "flood without a limit", "spin", "sleep"],
)
async def test_a_program_that_takes_too_much_is_ended(
    probes: Path,
    tmp_path: Path,
    level: SandboxLevel,
    deed: str,
    seconds: float,
    limits: Limits,
    error: type[WombatError],
    reason: str,
) -> None:
    """It is ended for what it took, and its folder is gone."""
    program = BuiltProgram(probes, tmp_path / "place", sandbox_at(level), limits)

    with pytest.raises(error) as caught:
        await program.run(["--version"], seconds=seconds, limit=4 * MIB, files=orders_of(("deed", deed)))

    assert getattr(caught.value, "reason", "") == reason
    assert list((tmp_path / "place").iterdir()) == []
