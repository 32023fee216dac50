"""Ends a program when the process that started it is gone, also after kill -9, where the system can do that."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# The signal is tied to the thread that forks, which for asyncio is the one that runs the event loop. It survives
# exec, so the program keeps its process id. A parent that died before prctl sends no signal: getppid finds that out.
_LAUNCHER: Final = """
import ctypes, os, signal, sys
parent, program = int(sys.argv[1]), sys.argv[2:]
if ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM) != 0:  # PR_SET_PDEATHSIG
    sys.stderr.write("prctl: " + os.strerror(ctypes.get_errno()) + "\\n")
if os.getppid() == parent:
    os.execv(program[0], program)
"""


def ended_with_us(argv: Sequence[str]) -> list[str]:
    """The command line that runs *argv* and sends it SIGTERM once this process is gone; *argv* itself off Linux.

    Args:
        argv: the program by its whole path, and its arguments.
    """
    if sys.platform != "linux" or not sys.executable:
        return [*argv]
    return [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *argv]
