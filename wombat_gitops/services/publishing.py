"""What is published already, before more of it is asked for (`domain.publication`)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.messages import BuildQuery
from wombat_gitops.domain.publication import changed_programs, differing_inputs, keep_dates, next_version
from wombat_gitops.domain.records import BuildState

if TYPE_CHECKING:
    from wombat_gitops.domain.declaration import Declaration, Declared
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.ports import BuildClient

_AT_ONCE: Final = 16
_MOST: Final = 200
"""Builds of one version that are looked at: one a platform, and some that were built anew."""


async def settle(declared: Declared, builds: BuildClient, *, strict: bool) -> Declared:
    """Give builds the dates of equal programs that are published.

    Args:
        strict: refuse a published version whose program would be another one. Not for work that is not
            merged yet, where a version is tried out until it is right.

    Raises:
        Refused: such a version.
        Unreachable: *builds* does not answer.
    """
    distribution = declared.distribution
    if not declared.builds:
        return declared
    published = await published_builds(distribution.name, distribution.version, builds)
    if strict:
        changed = changed_programs(declared, published)
        if changed:
            wanted = {build.spec.platform: build.spec for build in declared.builds}
            inputs = differing_inputs(changed[0], wanted[changed[0].platform])
            msg = f"version `{distribution.version}` is published, made from other inputs: {', '.join(inputs)}"
            raise Refused(msg, hint=f"raise `version`, for example to `{next_version(distribution.version)}`")
    return keep_dates(declared, published)


async def settle_all(declaration: Declaration, builds: BuildClient) -> Declaration:
    """`settle` for everything that is declared, without being strict. Raises `Unreachable`."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(declared: Declared) -> Declared:
        async with gate:
            return await settle(declared, builds, strict=False)

    return replace(declaration, declared=tuple(await asyncio.gather(*map(one, declaration.declared))))


async def published_builds(name: str, version: str, builds: BuildClient) -> tuple[BuildRecord, ...]:
    """The builds of one version that succeeded. Raises `Unreachable`."""
    query = BuildQuery(name=name, version=version, state=BuildState.SUCCEEDED, limit=_MOST)
    return (await builds.list(query)).items
