"""What the fault tests share: roles as real processes on a broker of their own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.integration.golang.support import build, compiler_of, tiny
from tests.support.fleet import Fleet, fleet_of
from tests.support.goproxy import make_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.broker import TestBroker
    from tests.support.system import System


@pytest.fixture(scope="session")
def warm_go(go_data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The standard library in the compiler's cache, which many builders at once would each compile for themselves."""
    proxy = make_proxy(tmp_path_factory.mktemp("warm-proxy"))
    asyncio.run(build(compiler_of(proxy, go_data), *tiny(proxy), tmp_path_factory.mktemp("warm-build")))


@pytest.fixture
async def fleet(warm_go: None, system: System, broker: TestBroker) -> AsyncIterator[Fleet]:
    """A broker, and no role yet."""
    async with fleet_of(system, broker) as made:
        yield made
