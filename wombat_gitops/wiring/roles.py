"""The roles as they run against a broker: service and builder, each to be stopped by an event."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.folder_guard import FolderGuard, GuardedAttempts
from wombat_gitops.adapters.nats.client import NatsAttempts, NatsBuildClient, ServiceCommitter
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.connection import Connection, connect
from wombat_gitops.adapters.nats.logs import NatsLogs
from wombat_gitops.adapters.nats.objects import NatsObjects
from wombat_gitops.adapters.nats.ruling import builder_routes
from wombat_gitops.adapters.nats.service import serving
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.adapters.workspaces import Workspaces
from wombat_gitops.domain import subjects
from wombat_gitops.domain.catalogue import (
    SERVICE_ROLE,
    BuilderOrder,
    BuilderPresence,
    DistributionRecord,
    RolePresence,
    SourceLook,
    SourceRecord,
)
from wombat_gitops.domain.commitstatus import CommitStatus
from wombat_gitops.domain.messages import BuildQuery, Lease
from wombat_gitops.domain.records import BuildRecord, BuildState
from wombat_gitops.ports import Attempts, BuildClient
from wombat_gitops.services.builder import Backend, Builder
from wombat_gitops.services.catalog import Catalog
from wombat_gitops.services.claims import AttemptDesk
from wombat_gitops.services.engine import Engine
from wombat_gitops.services.fleet import Fleet
from wombat_gitops.services.presence import present
from wombat_gitops.services.queue import BuildQueue, Inputs
from wombat_gitops.services.sweeper import Sweeper
from wombat_gitops.wiring import access, machine
from wombat_gitops.wiring.addresses import broker_domain
from wombat_gitops.wiring.keeping import Keeping
from wombat_gitops.wiring.observing import Observing, observing
from wombat_gitops.wiring.policies import operator_policies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from opentelemetry.sdk.trace.export import SpanExporter

    from wombat_gitops.adapters.credentials import Credentials
    from wombat_gitops.ports import Compiler
    from wombat_gitops.settings import Settings

_BROKER_SECONDS: Final = 30.0
"""How long a role waits for its broker, which may start later."""


_FORGOTTEN: Final = 3600
"""Seconds after which nothing is left of a builder that was killed; leases are judged long before."""


@dataclass(frozen=True, slots=True)
class Backbone:
    """One connection to the broker and everything that is read and written over it."""

    connection: Connection
    builds: NatsStore[BuildRecord]
    leases: NatsStore[Lease]
    presence: NatsStore[BuilderPresence]
    orders: NatsStore[BuilderOrder]
    roles: NatsStore[RolePresence]
    looks: NatsStore[SourceLook]
    statuses: NatsStore[CommitStatus]
    sources: NatsStore[SourceRecord]
    distributions: NatsStore[DistributionRecord]
    inputs: Inputs
    objects: NatsObjects
    logs: NatsLogs
    client: BuildClient
    attempts: Attempts
    seen: Observing

    def catalog(self) -> Catalog:
        """A read model over this connection."""
        made = Catalog(
            self.builds,
            self.distributions,
            self.sources,
            self.presence,
            connected=lambda: self.connection.connected,
            now=machine.now,
            monotonic=machine.monotonic,
            looks=self.looks,
            roles=self.roles,
        )
        return self.seen.catalog(made)


@asynccontextmanager
async def backbone(
    settings: Settings,
    address: str,
    role: str,
    *,
    exporter: SpanExporter | None = None,
    credentials: Credentials | None = None,
) -> AsyncIterator[Backbone]:
    """Connect a role to the broker; waits for the broker to come up.

    Args:
        exporter: takes the spans of traces, instead of the collector that the environment names.
        credentials: who connects, instead of whom the settings name.

    Raises:
        Unreachable: no broker answers within half a minute, or nobody has created its streams.
        Denied: the broker does not let this role in.
        Refused: the credentials are not those of this role.
    """
    known = credentials or access.credentials_for(settings, role)
    prepare = access.preparation(settings, role, known)
    domain = "" if credentials is not None else broker_domain(settings)
    owner = known.user.name if known is not None and known.user is not None else ""
    async with (
        observing(settings, role, exporter) as seen,
        connect(
            address, role=role, seconds=_BROKER_SECONDS, prepare=prepare, credentials=known, domain=domain
        ) as connection,
    ):
        seen.connection(connection)
        yield Backbone(
            connection=connection,
            builds=NatsStore(connection, subjects.BUILDS, BuildRecord),
            leases=NatsStore(connection, subjects.LEASES, Lease, prefix="build.", lifetime=_FORGOTTEN),
            presence=NatsStore(connection, subjects.LEASES, BuilderPresence, prefix="builder.", lifetime=_FORGOTTEN),
            roles=NatsStore(connection, subjects.LEASES, RolePresence, prefix="role.", lifetime=_FORGOTTEN),
            orders=NatsStore(connection, subjects.LEASES, BuilderOrder, prefix="order."),
            looks=NatsStore(connection, subjects.LEASES, SourceLook, prefix="source."),
            statuses=NatsStore(connection, subjects.LEASES, CommitStatus, prefix="status."),
            sources=NatsStore(connection, subjects.SOURCES, SourceRecord),
            distributions=NatsStore(connection, subjects.DISTRIBUTIONS, DistributionRecord),
            inputs=Inputs(NatsStore(connection, subjects.INPUTS, str, compress=True)),
            objects=NatsObjects(connection, ServiceCommitter(connection), owner=owner),
            logs=NatsLogs(connection),
            client=seen.asking(NatsBuildClient(connection)),
            attempts=seen.attempts(NatsAttempts(connection)),
            seen=seen,
        )


async def service(spine: Backbone, settings: Settings, catalog: Catalog, stop: asyncio.Event) -> None:
    """Answer requests for builds and judge leases until *stop*; *catalog* is run by the caller."""
    queue = BuildQueue(spine.builds, spine.inputs, spine.objects, catalog, machine.now, operator_policies(settings))
    sweeper = Sweeper(
        spine.builds,
        spine.leases,
        lambda: _running(catalog),
        machine.now,
        machine.monotonic,
        lease_seconds=settings.lease_seconds,
    )
    desk = AttemptDesk(spine.builds, machine.now, random.random)
    fleet = Fleet(spine.orders, catalog.builders, machine.now)
    seen = spine.seen
    committer = seen.committer(ObjectCommitter(spine.connection))
    keeping = Keeping(spine, settings, queue, catalog)
    further = (*keeping.routes(), *builder_routes(fleet))
    async with (
        serving(spine.connection, seen.accepting(queue), seen.desk(desk), committer, further=further),
        keeping.running(stop),
        present(machine.presence(SERVICE_ROLE), spine.roles, beat(settings)),
    ):
        await sweeper.run(stop)


async def builder(
    spine: Backbone,
    settings: Settings,
    compiler: Compiler,
    guard: FolderGuard,
    stop: asyncio.Event,
    hurry: asyncio.Event | None = None,
    *,
    alone: bool = False,
) -> None:
    """Build what is queued until *stop*; what is under way then ends in the time it has, or is given back.

    Args:
        guard: says whether what is kept on this machine is still there.
        hurry: give it back at once.
        alone: the only builder, whose records are in the guarded folder; it does not test its machine before it builds,
            since no other one could build instead.
    """
    identity = await machine.identity(settings)
    spaces = Workspaces(settings.data / "work", identity.id)
    backend = Backend(
        spine.seen.queue(spine.builds),
        GuardedAttempts(spine.attempts, guard, records_here=alone),
        spine.leases,
        spine.seen.presence(spine.presence),
        spine.orders,
        spine.inputs,
        spine.objects,
        spine.logs,
    )
    try:
        await Builder(
            identity,
            backend,
            Engine(compiler, spine.objects, operator_policies(settings)),
            spaces.workspace,
            machine.chance(machine.room(settings)),
            lease_seconds=settings.lease_seconds,
            stop_seconds=settings.stop_seconds,
            self_test=machine.self_test(settings),
            test_first=not alone,
        ).run(stop, hurry)
    finally:
        spaces.close()


def beat(settings: Settings) -> float:
    """Seconds between two heartbeats of a role."""
    return min(settings.lease_seconds, subjects.LEASE_SECONDS) / 3


def _running(catalog: Catalog) -> Sequence[BuildRecord]:
    found: list[BuildRecord] = []
    cursor = ""
    while True:
        page = catalog.builds(BuildQuery(state=BuildState.RUNNING, limit=200, cursor=cursor))
        found.extend(page.items)
        cursor = page.next
        if not cursor:
            return found


async def until_closed(spine: Backbone, role: Coroutine[None, None, None], stop: asyncio.Event) -> None:
    """Run a role for as long as its connection can live; a supervisor starts the process again.

    Raises:
        Unreachable: the broker has closed the connection for good.
        Denied: it does not let this user in any more.
    """
    working = asyncio.create_task(role)
    either: tuple[asyncio.Future[None] | asyncio.Future[str], ...] = (working, spine.connection.closed)
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not working.done() and not stop.is_set():
            raise spine.connection.ended
        await working
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
