"""The service `build` as commands talk to it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from wombat_gitops.adapters.nats.client import NatsBuildClient
from wombat_gitops.adapters.nats.ruling import NatsBuilders
from wombat_gitops.wiring.access import connected
from wombat_gitops.wiring.observing import asking, traced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wombat_gitops.ports import BuildClient, Builders
    from wombat_gitops.settings import Settings


@asynccontextmanager
async def build_client(settings: Settings) -> AsyncIterator[BuildClient]:
    """Talk to the service `build`.

    Raises:
        Unreachable: there is no broker, or nobody said where it is.
    """
    async with (
        traced("cli") as tracing,
        connected(settings, "cli") as connection,
    ):
        yield asking(NatsBuildClient(connection), tracing)


@asynccontextmanager
async def builders_client(settings: Settings) -> AsyncIterator[Builders]:
    """Rule the builders of a fleet, by the service `build`.

    Raises:
        Unreachable: there is no broker, or nobody said where it is.
    """
    async with connected(settings, "admin") as connection:
        yield NatsBuilders(connection)
