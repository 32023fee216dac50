"""Brokers on any configuration, and what is around one: leaf nodes, accounts, limits, TLS."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Final, Self

from tests.support.ports import free_port
from wombat_gitops.adapters.broker import find_program

_SECONDS: Final = 30.0


class NatsServer:
    """One nats-server on a configuration of its own; gone at the end of the context.

    Args:
        config: without `port`, `host` and `store_dir`; `$STORE` stands for a folder of its own.
        program: another nats-server than the installed one.
    """

    def __init__(
        self, folder: Path, config: str = 'jetstream { store_dir: "$STORE" }', program: Path | None = None
    ) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self._program = program or find_program()
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.configure(config)

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Process id while it runs, else 0."""
        return self._process.pid if self._process is not None else 0

    def configure(self, config: str) -> None:
        """Write another configuration for the next start."""
        text = f"port: {self.port}\nhost: 127.0.0.1\n{config}\n".replace("$STORE", str(self.folder / "store"))
        (self.folder / "nats.conf").write_text(text)

    def start(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(self._program), "--config", str(self.folder / "nats.conf")],
                env={},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.until("Server is ready")
        return self

    def until(self, line: str) -> None:
        """Wait until it has logged something."""
        assert self._process is not None
        end = time.monotonic() + _SECONDS
        while line not in self.said:
            assert self._process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
