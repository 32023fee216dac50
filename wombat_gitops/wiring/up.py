"""Everything on one machine: broker, service, builder, watcher and API in one process.

They start in the order in which they need each other and stop in the reverse one: a builder that
gives its work back needs the service, and the service needs the broker.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wombat_gitops.adapters import broker
from wombat_gitops.adapters.files import replace_bytes
from wombat_gitops.adapters.folder import FolderLock
from wombat_gitops.adapters.folder_guard import FolderGuard
from wombat_gitops.adapters.nats.infrastructure import LEAST_LOG_BYTES, mebibytes
from wombat_gitops.domain.errors import Refused
from wombat_gitops.services.catalog import Catalog
from wombat_gitops.wiring import access, keeping, machine, roles, watching
from wombat_gitops.wiring.addresses import NOTE
from wombat_gitops.wiring.watched import watched_sources, webhooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from pathlib import Path

    from wombat_gitops.ports import LogStream
    from wombat_gitops.services.downloads import Downloads
    from wombat_gitops.services.webhooks import WebhookReceiver
    from wombat_gitops.settings import Settings


@dataclass(frozen=True, slots=True)
class Up:
    """What is running: the addresses of API, broker and (where wanted) metrics, and what there is to see.

    Attributes:
        weakness: why foreign code is not contained as it should be, or "".
    """

    api: str
    nats: str
    catalog: Catalog
    metrics: str = ""
    weakness: str = ""


class Http(Protocol):
    """The API's server, which already has its socket, so that an occupied port is noticed first."""

    address: str

    async def serve(
        self,
        catalog: Catalog,
        logs: LogStream,
        downloads: Downloads,
        stop: asyncio.Event,
        hooks: WebhookReceiver | None = None,
    ) -> None:
        """Answer until *stop*."""
        ...


async def up(
    settings: Settings,
    stop: asyncio.Event,
    on_started: Callable[[Up], None],
    http: Http,
    hurry: asyncio.Event | None = None,
) -> None:
    """Run everything until *stop*; everything is stopped cleanly before this returns.

    Args:
        hurry: wait no longer for builds that may go on after *stop*.

    Raises:
        InvalidSources: the list of sources is wrong.
        Refused: the data folder is in use, or its disk has no room for a new broker; or it was deleted meanwhile.
        WombatError: a role ended by itself; the others were stopped.
    """
    sources, hooks = watched_sources(settings), webhooks(settings)
    hint = "stop the other `wombat up`, or give this one a folder of its own: `wombat --data DIR up`"
    with _held(FolderLock(settings.data, hint=hint)) as lock, FolderGuard(settings.data, lock.file) as guard:
        _refuse_small_disk(settings.data)
        key = access.private_key(settings.data / "broker.nk")
        async with (
            broker.embedded(settings.data / "broker", user=key.public) as running,
            roles.backbone(settings, running.url, "up", credentials=key.credentials) as spine,
        ):
            guard.add(*running.files)
            spine.seen.stops(stop)
            catalog = spine.catalog()
            weakness = await machine.weakness(settings)
            told = Up(http.address, running.url, catalog, spine.seen.address, weakness)
            downloads = keeping.downloads(spine, settings)
            compiler = await machine.compiler(settings)
            receiver = watching.receiver(spine, hooks)

            async def builds(ended: asyncio.Event) -> None:
                await roles.builder(spine, settings, compiler, guard, ended, hurry, alone=True)

            given = watching.Watching(
                settings.public_url,
                catalog,
                alone=True,
                first=machine.native_platform(),
                prune_share=settings.prune_share,
                beat=roles.beat(settings),
            )
            # Not ended by *stop* itself: a builder that gives its work back still needs the service.
            async with _stage(asyncio.Event()) as first:
                first.run("data folder", guard.watch)
                first.run("catalog", catalog.run)
                first.run("connection", lambda ended: roles.until_closed(spine, _wait(ended), ended))
                await catalog.ready.wait()
                first.run("service", lambda ended: roles.service(spine, settings, catalog, ended))
                async with _stage(stop) as second:
                    second.run("api", lambda ended: http.serve(catalog, spine.logs, downloads, ended, receiver))
                    second.run("builder", builds)
                    second.run("watcher", lambda ended: watching.watcher(spine, sources, ended, given))
                    with _told(settings.data, told, key.file):
                        on_started(told)
                        await second.ended.wait()


class _Stage:
    """Roles that are stopped together, before those of the stage around them."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self.ended = asyncio.Event()

    def run(self, name: str, role: Callable[[asyncio.Event], Coroutine[None, None, None]]) -> None:
        self._group.create_task(self._run(role), name=name)

    async def _run(self, role: Callable[[asyncio.Event], Coroutine[None, None, None]]) -> None:
        try:
            await role(self.ended)
        finally:
            self.ended.set()


@asynccontextmanager
async def _stage(stop: asyncio.Event) -> AsyncIterator[_Stage]:
    async with asyncio.TaskGroup() as group:
        stage = _Stage(group)
        watch = group.create_task(_set_after(stop, stage.ended), name="stop")
        try:
            yield stage
        finally:
            stage.ended.set()
            watch.cancel()


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _set_after(first: asyncio.Event, second: asyncio.Event) -> None:
    await first.wait()
    second.set()


def _refuse_small_disk(data: Path) -> None:
    """Raise `Refused` where a new broker would find too little room; one that is there goes on with what it has."""
    if (data / "broker" / "store").exists():
        return
    free, needed = shutil.disk_usage(data).free, broker.disk_for(LEAST_LOG_BYTES)
    if free < needed:
        msg = f"`{data}` has {mebibytes(free)} free, and a new broker needs {mebibytes(needed)} there"
        raise Refused(msg, hint="free space, or choose another folder: `wombat --data DIR up`")


@contextmanager
def _held(lock: FolderLock) -> Iterator[FolderLock]:
    try:
        yield lock
    finally:
        lock.release()


@contextmanager
def _told(data: Path, info: Up, credentials: Path) -> Iterator[None]:
    """Let other commands of this person find what is running, and get in."""
    note = data / NOTE
    told = {"api": info.api, "nats": info.nats, "metrics": info.metrics, "credentials": str(credentials)}
    replace_bytes(note, json.dumps(told).encode())
    try:
        yield
    finally:
        note.unlink(missing_ok=True)
