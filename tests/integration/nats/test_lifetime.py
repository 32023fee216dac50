"""Keys that the broker forgets by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.infrastructure import kv_stream
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain.messages import Lease
from wombat_gitops.domain.subjects import LEASES

if TYPE_CHECKING:
    from wombat_gitops.adapters.nats.connection import Connection


async def test_a_key_nobody_renews_leaves_nothing(connection: Connection) -> None:
    """It goes with its message, and can be put again as if it had never been there."""
    store = NatsStore(connection, LEASES, Lease, lifetime=1)
    await store.put("build.one", Lease("one.1", "claim"))
    async with asyncio.timeout(60):
        while (await jetstream.stream_info(connection, kv_stream(LEASES), subjects=">")).subjects:
            await asyncio.sleep(0.05)
    assert await store.get("build.one") is None
    again = await store.put("build.one", Lease("one.1", "claim", 2))
    assert (await store.get("build.one")) == again


async def test_a_key_that_is_renewed_stays(connection: Connection) -> None:
    """Each put begins its time anew."""
    store = NatsStore(connection, LEASES, Lease, lifetime=2)
    other = NatsStore(connection, LEASES, Lease, lifetime=1)
    await store.put("build.one", Lease("one.1", "claim"))
    await other.put("build.two", Lease("two.1", "claim"))
    beat = 0
    async with asyncio.timeout(60):
        while await other.get("build.two") is not None:
            beat += 1
            await store.put("build.one", Lease("one.1", "claim", beat))
            await asyncio.sleep(0.05)
    found = await store.get("build.one")
    assert found is not None
    assert found.value.beat == beat
