"""What the fault tests share: roles as real processes on a broker of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fleet import Fleet, fleet_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.broker import TestBroker
    from tests.support.system import System


@pytest.fixture
async def fleet(system: System, broker: TestBroker) -> AsyncIterator[Fleet]:
    """A broker, and no role yet."""
    async with fleet_of(system, broker) as made:
        yield made
