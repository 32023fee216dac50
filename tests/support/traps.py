"""`wombat` with something done to it at one moment: `python -m tests.support.traps builder`, told by variables.

`TRAP`: `kill:<step>` or `stop:<step>`, which ends (`kill -9`) or stops (SIGSTOP) the process itself just when that
step of an attempt has begun. The step `end` is the moment between the last step and the request that publishes the
result. `TRAP_CLOCK`: seconds by which the wall clock of the process is wrong.
"""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from typing import TYPE_CHECKING

from wombat_gitops.cli.main import main
from wombat_gitops.services.claims import Claim
from wombat_gitops.wiring import machine

if TYPE_CHECKING:
    from datetime import datetime

    from wombat_gitops.domain.model import Artifact
    from wombat_gitops.domain.records import Step, StoredLog


def set_trap(trap: str) -> None:
    """Have the process signal itself at the moment that *trap* names."""
    deed, _, moment = trap.partition(":")
    number = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}[deed]
    begin, succeed = Claim.step, Claim.succeed

    async def step(self: Claim, which: Step) -> None:
        await begin(self, which)
        if which == moment:
            os.kill(os.getpid(), number)

    async def end(
        self: Claim,
        artifact: Artifact,
        log: StoredLog | None,
        contents: StoredLog | None = None,
        reference: StoredLog | None = None,
    ) -> None:
        os.kill(os.getpid(), number)
        await succeed(self, artifact, log, contents, reference)

    if moment == "end":
        Claim.succeed = end  # type: ignore[method-assign]
    else:
        Claim.step = step  # type: ignore[method-assign, assignment]


def set_clock(seconds: float) -> None:
    """Have the wall clock be wrong."""
    right = machine.now

    def now() -> datetime:
        return right() + timedelta(seconds=seconds)

    machine.now = now


if __name__ == "__main__":
    if os.environ.get("TRAP"):
        set_trap(os.environ["TRAP"])
    if os.environ.get("TRAP_CLOCK"):
        set_clock(float(os.environ["TRAP_CLOCK"]))
    main()
