"""A pseudo-terminal in which a command runs as it does before a person."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Terminal:
    """A process on a terminal of its own, and every byte that this terminal was sent."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: os.PathLike[str]) -> None:
        self._screen, inner = pty.openpty()
        self._heard = bytearray()
        self.process = subprocess.Popen(
            argv,
            env={**env, "TERM": "xterm-256color", "COLUMNS": "160", "LINES": "50"},
            cwd=cwd,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def heard(self) -> str:
        """What was sent so far."""
        return bytes(self._heard).decode(errors="surrogateescape")

    def wait(self, seconds: float) -> int:
        """Wait for the end of the process and of all that it has to say; returns its exit status."""
        status = self.process.wait(seconds)
        self._reader.join(seconds)
        return status

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._screen, 65536)
            except OSError:  # on Linux: nobody has the other side open any more
                return
            if not data:
                return
            self._heard += data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(10)
        os.close(self._screen)
