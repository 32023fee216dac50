"""The verdict of `/status`, read from the broker itself where no API answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain import subjects
from wombat_gitops.domain.catalogue import BuilderPresence, DistributionRecord, RolePresence, SourceLook, SourceRecord
from wombat_gitops.domain.errors import Unreachable, WombatError
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.services.catalog import Catalog
from wombat_gitops.services.health import UNKNOWN
from wombat_gitops.wiring import machine
from wombat_gitops.wiring.access import connected

if TYPE_CHECKING:
    from wombat_gitops.services.health import ServiceHealth
    from wombat_gitops.settings import Settings

_CONNECT_SECONDS: Final = 3.0
_READ_SECONDS: Final = 60.0


async def health(settings: Settings) -> ServiceHealth:
    """How the whole is, by the judgement that the API, the website and the metrics show.

    Takes up to a lease where a role seems to be gone: silence proves it only to an observer who has listened.

    Raises:
        Unreachable: there is no broker, or it does not tell everything in time.
        Denied: these credentials may not read all of it.
    """
    async with connected(settings, "doctor", seconds=_CONNECT_SECONDS) as connection:
        catalog = Catalog(
            NatsStore(connection, subjects.BUILDS, BuildRecord),
            NatsStore(connection, subjects.DISTRIBUTIONS, DistributionRecord),
            NatsStore(connection, subjects.SOURCES, SourceRecord),
            NatsStore(connection, subjects.LEASES, BuilderPresence, prefix="builder."),
            connected=lambda: connection.connected,
            now=machine.now,
            monotonic=machine.monotonic,
            looks=NatsStore(connection, subjects.LEASES, SourceLook, prefix="source."),
            roles=NatsStore(connection, subjects.LEASES, RolePresence, prefix="role."),
        )
        stop = asyncio.Event()
        reading = asyncio.create_task(_known(catalog))
        following = asyncio.create_task(catalog.run(stop))
        await asyncio.wait({reading, following}, timeout=_READ_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        found = catalog.health()
        whole = reading.done()
        stop.set()
        reading.cancel()
        _, ended = await asyncio.gather(reading, following, return_exceptions=True)
        if whole:
            return found
        if isinstance(ended, BaseExceptionGroup) and isinstance(ended.exceptions[0], WombatError):
            raise ended.exceptions[0]
        msg = f"the broker did not tell everything within {_READ_SECONDS:g} s"
        raise Unreachable(msg)


async def _known(catalog: Catalog) -> None:
    """Wait until everything was read, and silence proves something where there is any."""
    await catalog.ready.wait()
    catalog.tick()
    while any(reason.code == UNKNOWN for reason in catalog.health().reasons):
        await catalog.wait_change(catalog.version)
