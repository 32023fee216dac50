"""What the service does to keep artifacts in order: clear away, and read what there is again and again."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from wombat_gitops.adapters.nats.keeping import NatsCollecting, NatsSuspects, collect_route, suspects
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.adapters.nats.sweeping import NatsKeeper
from wombat_gitops.domain import subjects
from wombat_gitops.domain.retention import KeeperNote, Rules
from wombat_gitops.services.downloads import Downloads
from wombat_gitops.services.retention import Collector, Stores
from wombat_gitops.services.scrubber import Pace, Scrubber
from wombat_gitops.wiring import machine
from wombat_gitops.wiring.access import connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wombat_gitops.adapters.nats.service import Route
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.queue import BuildQueue
    from wombat_gitops.settings import Settings
    from wombat_gitops.wiring.roles import Backbone


class Keeping:
    """Collector and scrubber of one service instance."""

    def __init__(self, spine: Backbone, settings: Settings, queue: BuildQueue, catalog: Catalog) -> None:
        keeper = NatsKeeper(spine.connection)
        self._connection = spine.connection
        self.collector = Collector(
            queue,
            Stores(
                spine.builds,
                spine.distributions,
                NatsStore(spine.connection, subjects.INPUTS, str, compress=True),
                keeper,
                NatsStore(spine.connection, subjects.LEASES, KeeperNote, prefix="keeper.", compress=True),
            ),
            Rules(settings.keep_versions, settings.keep_days, settings.quota, settings.retire_share / 100),
            machine.now,
            machine.monotonic,
            grace=settings.grace,
            interval=settings.collect_interval,
        )
        pace = Pace(settings.scrub_rate, settings.scrub_interval)
        self.scrubber = Scrubber(queue, catalog, keeper, machine.monotonic, pace=pace)

    def routes(self) -> tuple[Route[Any, Any], ...]:
        """Endpoints of the service."""
        return (collect_route(self.collector.collect),)

    @asynccontextmanager
    async def running(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Work until *stop*, beside what the context does."""
        async with suspects(self._connection, self.scrubber.suspect), asyncio.TaskGroup() as group:
            group.create_task(self.collector.run(stop), name="collector")
            group.create_task(self.scrubber.run(stop), name="scrubber")
            yield


def downloads(spine: Backbone, settings: Settings) -> Downloads:
    """Verified copies for the API, which tells the service of objects that it cannot read."""
    suspect = NatsSuspects(spine.connection).suspect
    return Downloads(spine.objects, settings.data / "downloads", suspect=suspect)


@asynccontextmanager
async def collecting(settings: Settings) -> AsyncIterator[NatsCollecting]:
    """Ask the service to clear away, which only an admin may.

    Raises:
        Unreachable: there is no broker, or nobody said where it is.
    """
    async with connected(settings, "admin") as connection:
        yield NatsCollecting(connection)
