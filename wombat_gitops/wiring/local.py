"""The engine on this machine alone: the same queue, builder, ids and bytes, over folders and no broker."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wombat_gitops.adapters.folder import FolderObjects, FolderStore
from wombat_gitops.adapters.folder_guard import FolderGuard, GuardedAttempts
from wombat_gitops.adapters.memory import MemoryLogs, MemoryStore
from wombat_gitops.adapters.workspaces import Workspaces
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.catalogue import BuilderOrder, BuilderPresence, DistributionRecord, SourceRecord
from wombat_gitops.domain.messages import Lease
from wombat_gitops.domain.records import BuildRecord, BuildState
from wombat_gitops.ports import BuildClient, LogStream, ObjectStore, Put, Synced
from wombat_gitops.services.builder import Backend, Builder
from wombat_gitops.services.catalog import Catalog
from wombat_gitops.services.claims import AttemptDesk
from wombat_gitops.services.engine import Engine
from wombat_gitops.services.queue import BuildQueue, Inputs
from wombat_gitops.wiring import machine
from wombat_gitops.wiring.policies import operator_policies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wombat_gitops.ports import Versioned
    from wombat_gitops.settings import Settings


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """A queue whose builds are built here while the context lasts, and what they produced.

    Attributes:
        weakness: why foreign code is not contained as it should be, or "".
    """

    builds: BuildClient
    objects: ObjectStore
    logs: LogStream
    weakness: str


@asynccontextmanager
async def local_engine(settings: Settings) -> AsyncIterator[LocalEngine]:
    """Start the engine; what is under way at the end is given back.

    Raises:
        Refused: another local run uses the data folder, or it was deleted meanwhile.
    """
    root = settings.data / "local"
    (root / "objects").mkdir(parents=True, exist_ok=True)
    with (
        FolderGuard(settings.data, root / "objects") as guard,
        FolderStore(root / "builds", BuildRecord) as records,
        FolderStore(root / "inputs", str) as texts,
    ):
        guard.add(records.lock_file, texts.lock_file)
        await _tidy(records)
        objects = FolderObjects(root / "objects")
        logs = MemoryLogs()
        presence = MemoryStore[BuilderPresence]()
        inputs = Inputs(texts)
        catalog = Catalog(
            records,
            MemoryStore[DistributionRecord](),
            MemoryStore[SourceRecord](),
            presence,
            connected=lambda: True,
            now=machine.now,
            monotonic=machine.monotonic,
        )
        policies = operator_policies(settings)
        identity = await machine.identity(settings)
        spaces = Workspaces(settings.data / "work", identity.id)
        builder = Builder(
            identity,
            Backend(
                records,
                GuardedAttempts(AttemptDesk(records, machine.now, random.random), guard, records_here=True),
                MemoryStore[Lease](),
                presence,
                MemoryStore[BuilderOrder](),
                inputs,
                objects,
                logs,
            ),
            Engine(await machine.compiler(settings), objects, policies),
            spaces.workspace,
            machine.chance(),
            lease_seconds=settings.lease_seconds,
        )
        stop = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(guard.watch(stop), name="data folder")
                group.create_task(catalog.run(stop), name="catalog")
                group.create_task(builder.run(stop), name="builder")
                try:
                    yield LocalEngine(
                        BuildQueue(records, inputs, objects, catalog, machine.now, policies),
                        objects,
                        logs,
                        await machine.weakness(settings),
                    )
                finally:
                    stop.set()
        finally:
            spaces.close()


async def local_records(settings: Settings) -> tuple[BuildRecord, ...]:
    """Every build that was made here, without starting anything. Raises `Refused` as `local_engine` does."""
    with FolderStore(settings.data / "local" / "builds", BuildRecord) as records:
        return tuple([entry.value for entry in await _entries(records)])


async def _entries(records: FolderStore[BuildRecord]) -> list[Versioned[BuildRecord]]:
    entries = []
    async for change in records.follow():
        if isinstance(change, Synced):
            break
        if isinstance(change, Put):
            entries.append(change.entry)
    return entries


async def _tidy(records: FolderStore[BuildRecord]) -> None:
    """End what an earlier run left: only what is asked for now is to be built now."""
    for entry in await _entries(records):
        record = entry.value
        if record.state is BuildState.RUNNING:
            given_back = await records.replace(entry, lifecycle.released(record, None, machine.now()))
            if given_back is not None:
                await records.replace(given_back, lifecycle.superseded(given_back.value, machine.now()))
        elif record.state is BuildState.QUEUED:
            await records.replace(entry, lifecycle.superseded(record, machine.now()))
