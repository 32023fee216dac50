"""Running one go command of a step: said first, then run, and understood where it fails."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.process import run
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain import gofailure
from wombat_gitops.domain.errors import OverLimit, TimedOut
from wombat_gitops.domain.records import StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wombat_gitops.adapters.sandbox.enclosure import Enclosure
    from wombat_gitops.domain.records import Step
    from wombat_gitops.ports import Output

_HEAD: Final = 256 * 1024
_TAIL: Final = 64 * 1024
"""Bytes of output that are kept to find out why a command failed: the first errors, and the last lines."""


class Kept:
    """Passes output on and keeps its beginning and its end."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._head = bytearray()
        self._tail = bytearray()

    async def write(self, data: bytes) -> None:
        """Take some output."""
        await self._output.write(data)
        room = max(_HEAD - len(self._head), 0)
        self._head += data[:room]
        self._tail += data[room:]
        del self._tail[:-_TAIL]

    @property
    def text(self) -> str:
        """What was kept."""
        return (self._head + self._tail).decode(errors="replace")


async def go(
    argv: Sequence[str],
    *,
    cwd: Path | str,
    env: Mapping[str, str],
    seconds: float,
    output: Output,
    step: Step,
    limits: Limits = UNLIMITED,
    enclosure: Enclosure | None = None,
) -> str:
    """Run a go command and return what it printed.

    Args:
        enclosure: the sandbox that it runs in; *cwd* is then as the sandbox sees it.

    Raises:
        StepFailed: it failed, did not end in time, or took more than it may.
    """
    await output.write(f"$ {shlex.join(argv)}\n".encode())
    kept = Kept(output)
    try:
        if enclosure is not None:
            status = await enclosure.run(argv, cwd=str(cwd), env=env, seconds=seconds, output=kept, limits=limits)
        else:
            status = await run(argv, cwd=Path(cwd), env=env, seconds=seconds, output=kept, limits=limits)
    except OverLimit as error:
        raise StepFailed(gofailure.over_limit(error, kept.text, step)) from error
    except TimedOut as error:
        raise StepFailed(gofailure.timed_out(kept.text, step, seconds)) from error
    if status:
        raise StepFailed(gofailure.classify(kept.text, step=step, status=status))
    return kept.text
