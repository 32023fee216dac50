"""What is published already of the distributions that change: from this machine, the service, or the API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from wombat_gitops.cli import text
from wombat_gitops.domain.delta import Published
from wombat_gitops.domain.errors import Unreachable
from wombat_gitops.domain.records import BuildState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wombat_gitops.domain.delta import Pair
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.settings import Settings

_AT_ONCE: Final = 8
_MOST: Final = 200
"""Builds of one version: one a platform, and some that were built anew."""


async def find_published(settings: Settings, pairs: Sequence[Pair], *, local: bool) -> tuple[Published, ...]:
    """The builds that succeeded of the versions before and after; what cannot be asked is told and left out.

    Args:
        local: ask this machine, and nobody else.

    Raises:
        Unreachable: who was named in the settings does not answer.
    """
    if local:
        from wombat_gitops.wiring.local import local_records

        return tuple(_published(await local_records(settings)))
    wanted = {
        (each.distribution.name, each.distribution.version)
        for two in pairs
        for each in (two.old, two.new)
        if each is not None
    }
    if not wanted:
        return ()
    try:
        if settings.server and not settings.nats:
            return await _over_http(settings, wanted)
        return await _over_nats(settings, wanted)
    except Unreachable as error:
        if settings.nats or settings.server:
            raise
        text.note(f"{error.message}, so nothing counts as built; `--local` compares with the builds of this machine\n")
        return ()


async def _over_nats(settings: Settings, wanted: Iterable[tuple[str, str]]) -> tuple[Published, ...]:
    from wombat_gitops.services.publishing import published_builds
    from wombat_gitops.wiring.clients import build_client

    gate = asyncio.Semaphore(_AT_ONCE)
    async with build_client(settings) as builds:

        async def ask(name: str, version: str) -> Sequence[BuildRecord]:
            async with gate:
                return await published_builds(name, version, builds)

        found = await asyncio.gather(*(ask(name, version) for name, version in wanted))
    return tuple(_published(record for records in found for record in records))


async def _over_http(settings: Settings, wanted: Iterable[tuple[str, str]]) -> tuple[Published, ...]:
    from wombat_gitops.api.views.builds import BuildPageView
    from wombat_gitops.cli.client import ApiClient

    gate = asyncio.Semaphore(_AT_ONCE)
    client = ApiClient(settings.server)

    async def ask(name: str, version: str) -> BuildPageView:
        query: dict[str, str | int] = {
            "name": name,
            "version": version,
            "state": BuildState.SUCCEEDED.value,
            "limit": _MOST,
        }
        async with gate:
            return await asyncio.to_thread(client.get, "/api/v1/builds", BuildPageView, query)

    pages = await asyncio.gather(*(ask(name, version) for name, version in wanted))
    return tuple(
        Published(build.id, build.name, build.version, build.platform, build.date, build.artifact.size)
        for page in pages
        for build in page.items
        if build.artifact is not None
    )


def _published(records: Iterable[BuildRecord]) -> Iterable[Published]:
    for record in records:
        spec, artifact = record.spec, record.artifact
        if record.state is BuildState.SUCCEEDED and artifact is not None:
            yield Published(record.id, spec.name, spec.version, str(spec.platform), spec.date, artifact.size)
