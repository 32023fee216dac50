"""One role in a process of its own, against a broker somewhere."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from wombat_gitops.adapters.folder_guard import FolderGuard
from wombat_gitops.domain.errors import Refused
from wombat_gitops.wiring import machine, roles, watching
from wombat_gitops.wiring.access import named_builder
from wombat_gitops.wiring.addresses import broker_address
from wombat_gitops.wiring.watched import is_alone, watched_sources

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from wombat_gitops.settings import Settings

_log = structlog.get_logger(__name__)


async def run_service(settings: Settings, stop: asyncio.Event) -> None:
    """Answer requests for builds, and sweep, until *stop*."""

    async def role(spine: roles.Backbone) -> None:
        catalog = spine.catalog()
        async with beside(catalog.run, stop):
            await roles.service(spine, settings, catalog, stop)

    await run_role(settings, "service", role, stop)


async def run_builder(settings: Settings, stop: asyncio.Event, hurry: asyncio.Event | None = None) -> None:
    """Build until *stop*, and give back at once what is left then where there is *hurry*.

    Raises:
        Refused: foreign code cannot be contained here, and the settings do not say that this is as it may be; or
            the data folder was deleted meanwhile, and what was under way was given back.
    """
    settings = named_builder(settings)
    settings = settings.model_copy(update={"sandbox": settings.sandbox or "required"})
    await machine.sandbox(settings).strength()
    work = settings.data / "work"
    work.mkdir(parents=True, exist_ok=True)
    with FolderGuard(settings.data, work) as guard:
        compiler = await machine.compiler(settings)

        async def stop_when_lost(ended: asyncio.Event) -> None:
            try:
                await guard.watch(ended)
            except Refused as error:
                _log.error("data_folder_lost", error=error.message)
                stop.set()

        async def role(spine: roles.Backbone) -> None:
            async with beside(stop_when_lost, stop):
                await roles.builder(spine, settings, compiler, guard, stop, hurry)

        await run_role(settings, "builder", role, stop)


async def run_watcher(settings: Settings, stop: asyncio.Event) -> None:
    """Watch the manifests until *stop*.

    Raises:
        InvalidSources: the list of sources is wrong.
    """
    sources, alone = watched_sources(settings), is_alone(settings)

    async def role(spine: roles.Backbone) -> None:
        how = watching.Watching(
            settings.public_url, alone=alone, prune_share=settings.prune_share, beat=roles.beat(settings)
        )
        if not any(item.status for item in sources):
            await watching.watcher(spine, sources, stop, how)
            return
        catalog = spine.catalog()
        async with beside(catalog.run, stop):
            await watching.watcher(spine, sources, stop, replace(how, catalog=catalog))

    await run_role(settings, "watcher", role, stop)


async def run_role(
    settings: Settings,
    name: str,
    role: Callable[[roles.Backbone], Coroutine[None, None, None]],
    stop: asyncio.Event,
) -> None:
    """Run *role* over a connection of its own. Raises `Unreachable` where there is no broker."""
    async with roles.backbone(settings, broker_address(settings), name) as spine:
        spine.seen.stops(stop)
        await roles.until_closed(spine, role(spine), stop)


@asynccontextmanager
async def beside(
    helper: Callable[[asyncio.Event], Coroutine[None, None, None]], stop: asyncio.Event
) -> AsyncIterator[None]:
    """Run *helper* until *stop*, beside what the context does."""
    async with asyncio.TaskGroup() as group:
        group.create_task(helper(stop))
        yield
