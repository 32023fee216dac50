"""Real brokers for tests: started for one test or shared, killed and restarted at will, always gone at the end."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Self

import pytest

from tests.support.ports import free_port
from wombat_gitops.adapters.broker import server
from wombat_gitops.adapters.nats import infrastructure
from wombat_gitops.adapters.nats.connection import Connection, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from wombat_gitops.adapters.process import RunningProcess


class TestBroker:
    """A broker on one store and one port that a test starts, kills and starts again."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._stack = AsyncExitStack()
        self._process: RunningProcess | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> Self:
        self._stack = AsyncExitStack()
        self._process, self.port = await self._stack.enter_async_context(server(self.folder, port=self.port))
        return self

    async def kill(self) -> None:
        """End it as a crash does."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self.stop()

    def signal(self, number: signal.Signals) -> None:
        """Stop it, or let it go on; it keeps its connections."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    async def stop(self) -> None:
        self._process = None
        await self._stack.aclose()

    def lose_store(self) -> None:
        """Forget everything that was stored; only while it is not running."""
        assert self._process is None
        shutil.rmtree(self.folder / "store")


@asynccontextmanager
async def prepared(broker: TestBroker, role: str = "test") -> AsyncIterator[Connection]:
    """A connection of a role that also creates the buckets and streams, now and after each loss."""
    async with connect(broker.url, role=role, prepare=infrastructure.ensure) as connection:
        yield connection


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[TestBroker]:
    """A fresh broker."""
    made = await TestBroker(tmp_path / "broker").start()
    try:
        yield made
    finally:
        await made.stop()


@pytest.fixture
async def connection(broker: TestBroker) -> AsyncIterator[Connection]:
    """A connection to a fresh broker with all buckets and streams."""
    async with prepared(broker) as made:
        yield made
