"""A catalogue over stores in memory, filled with builds in every state."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.factories import NOW, ManualClock, make_spec
from wombat_gitops.adapters.memory import MemoryLogs, MemoryObjects, MemoryStore
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.capability import Capabilities, SandboxLevel
from wombat_gitops.domain.catalogue import BuilderPresence, DistributionRecord, SourceRecord, Target
from wombat_gitops.domain.identity import build_id, digest
from wombat_gitops.domain.model import Artifact, Module
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import BuildRecord, Failure, FailureKind, Origin, Step, StoredLog
from wombat_gitops.domain.subjects import builder_lease
from wombat_gitops.services.catalog import Catalog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

REVISION = "4f3c2b1a" * 5


def queued_build(seconds: float = 0, priority: int = 0, **changes: object) -> BuildRecord:
    """A build of `make_spec(**changes)`, asked for *seconds* after `NOW`."""
    spec = make_spec(**changes)
    origin = Origin("main", REVISION, f"manifests/{spec.name}.yaml")
    return lifecycle.queued(build_id(spec), spec, origin, priority, NOW + timedelta(seconds=seconds))


def running_build(record: BuildRecord, *steps: Step, builder: str = "builder-1") -> BuildRecord:
    """*record*, taken by a builder that is at the last of *steps*."""
    begun = record.changed_at + timedelta(seconds=1)
    record = lifecycle.claimed(record, builder, "claim", begun, SandboxLevel.BUBBLEWRAP)
    for step in steps:
        record = lifecycle.stepped(record, step, record.changed_at + timedelta(seconds=2))
    return record


def built(record: BuildRecord, data: bytes, log: StoredLog | None = None, *, builder: str = "builder-1") -> BuildRecord:
    """*record* with *data* as its artifact."""
    artifact = Artifact(digest(data), len(data), record.spec.file_name)
    running = running_build(record, *Step, builder=builder)
    return lifecycle.succeeded(running, artifact, log, running.changed_at + timedelta(seconds=3))


def broken(record: BuildRecord, log: StoredLog | None = None) -> BuildRecord:
    """*record*, failed by its manifest."""
    running = running_build(record, Step.FETCH, Step.GENERATE, Step.COMPILE)
    failure = Failure(
        FailureKind.USER,
        "CompileError",
        "undefined: service.NewThing",
        step=Step.COMPILE,
        culprit="github.com/example/plugin",
        hint="use a version of the plugin that fits this Benthos",
        tail=("# github.com/example/plugin", "plugin.go:12:9: undefined: service.NewThing"),
    )
    return lifecycle.failed(running, failure, log, running.changed_at + timedelta(seconds=3))


def declared(*builds: BuildRecord, **changes: object) -> DistributionRecord:
    """The distribution whose manifest asks for *builds*."""
    spec = builds[0].spec if builds else make_spec()
    record = DistributionRecord(
        name=spec.name,
        version=spec.version,
        source="main",
        path=f"manifests/{spec.name}.yaml",
        revision=REVISION,
        date=spec.date,
        modules=(Module("github.com/redpanda-data/benthos/v4", "v4.76.0"),),
        packages=spec.packages,
        toolchain=spec.toolchain,
        targets=tuple(Target(build.spec.platform, build.id) for build in builds),
        manifest=f"apiVersion: wombat/v1\nkind: Distribution\nname: {spec.name}\nversion: {spec.version}\n",
        description=f"The {spec.name} one",
        labels=(("team", "data"),),
    )
    return replace(record, **changes)  # type: ignore[arg-type]


@dataclass
class Stage:
    """Stores in memory and the catalogue that follows them."""

    folder: Path
    clock: ManualClock = field(default_factory=ManualClock)
    connected: bool = True

    def __post_init__(self) -> None:
        self.builds = MemoryStore[BuildRecord]()
        self.distributions = MemoryStore[DistributionRecord]()
        self.sources = MemoryStore[SourceRecord]()
        self.builders = MemoryStore[BuilderPresence]()
        self.logs = MemoryLogs()
        self.objects = MemoryObjects(self.folder / "objects")
        self.catalog = Catalog(
            self.builds,
            self.distributions,
            self.sources,
            self.builders,
            connected=lambda: self.connected,
            now=self.clock,
            monotonic=self.clock.monotonic,
        )

    async def put(self, *records: BuildRecord | DistributionRecord | SourceRecord | BuilderPresence) -> None:
        """Write records to the stores they belong to, and wait until the catalogue has them if it runs."""
        for record in records:
            match record:
                case BuildRecord():
                    await self.builds.put(record.id, record)
                case DistributionRecord():
                    await self.distributions.put(record.name, record)
                case SourceRecord():
                    await self.sources.put(record.id, record)
                case BuilderPresence():
                    await self.builders.put(builder_lease(record.id), record)

    async def store(self, data: bytes) -> str:
        """Put bytes into the object store."""
        path = self.folder / "given"
        path.write_bytes(data)
        await self.objects.put(path, digest(data), len(data))
        return digest(data)

    async def store_log(self, text: str) -> StoredLog:
        """Put a finished log into the object store."""
        data = text.encode()
        return StoredLog(await self.store(data), len(data))

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the catalogue fulfils *condition*."""
        async with asyncio.timeout(60):
            version = self.catalog.version
            while not condition():
                version = await self.catalog.wait_change(version)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Catalog]:
        """The catalogue, read and following."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.catalog.run(stop))
        try:
            async with asyncio.timeout(60):
                await self.catalog.ready.wait()
            yield self.catalog
        finally:
            stop.set()
            await task


def presence(name: str = "builder-1", **changes: object) -> BuilderPresence:
    """A builder with two workers that are free."""
    can = Capabilities(sandbox=SandboxLevel.BUBBLEWRAP)
    record = BuilderPresence(name, "host", "0.1.0", workers=2, busy=0, started_at=NOW, can=can)
    return replace(record, **changes)  # type: ignore[arg-type]


ARM = Platform.parse("linux/arm64")
