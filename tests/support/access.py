"""A broker with access control and TLS, as docs/access.md has it: made by `wombat auth init`, run as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final

from tests.support.ports import free_port
from wombat_gitops.adapters.broker import find_program
from wombat_gitops.adapters.credentials import Credentials, read_credentials, tls_context
from wombat_gitops.wiring import auth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SECONDS: Final = 30.0


class GuardedBroker:
    """A broker whose users are those of *builders* and one for each role."""

    def __init__(self, folder: Path, builders: tuple[str, ...] = ("one", "two")) -> None:
        self.folder = folder / "access"
        self.made = auth.init(self.folder, builders, ("localhost", "127.0.0.1"))
        self.port = free_port()
        settings = {
            "host": "127.0.0.1",
            "port": self.port,
            "max_payload": 2 << 20,
            "jetstream": {"store_dir": str(folder / "store"), "sync_interval": "always"},
        }
        lines = [f"{name}: {json.dumps(value)}\n" for name, value in settings.items()]
        (self.folder / "nats-server.conf").write_text("".join([*lines, f'include "{auth.CONFIG}"\n']))
        self._log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"tls://localhost:{self.port}"

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(find_program()), "--config", str(self.folder / "nats-server.conf")],
                env={},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + _SECONDS
        while "Server is ready" not in self._log.read_text():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.02)

    def reload(self) -> None:
        """Have it read its configuration again, as `nats-server --signal reload` does."""
        assert self._process is not None
        before = len(re.findall("Reloaded server configuration", self._log.read_text()))
        os.kill(self._process.pid, signal.SIGHUP)
        end = time.monotonic() + _SECONDS
        while len(re.findall("Reloaded server configuration", self._log.read_text())) == before:
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.02)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def credentials(self, label: str) -> Credentials:
        """The key of a user, and whom the broker must be."""
        file = self.folder / f"{label}.nk"
        known = read_credentials(file)
        return Credentials(known.user, known.seed, tls_context(self.folder / auth.AUTHORITY, file))

    def environment(self, label: str) -> dict[str, str]:
        """The settings of a role that runs as *label*."""
        return {
            "WOMBAT_NATS": self.url,
            "WOMBAT_CREDENTIALS": str(self.folder / f"{label}.nk"),
            "WOMBAT_CA": str(self.folder / auth.AUTHORITY),
        }


def guarded(folder: Path) -> Iterator[GuardedBroker]:
    """A broker that runs until the test ends."""
    made = GuardedBroker(folder)
    try:
        made.start()
        yield made
    finally:
        made.close()
