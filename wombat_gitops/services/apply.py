"""Carrying out a plan: find what is known, request what is missing, follow it to the end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.diagnostics import stem_of
from wombat_gitops.domain.errors import NotFound, Unreachable
from wombat_gitops.domain.messages import BuildQuery, BuildRequest
from wombat_gitops.domain.records import BuildState, Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wombat_gitops.domain.declaration import Declaration, Declared, DesiredBuild
    from wombat_gitops.domain.platforms import Platform
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.ports import BuildClient

PATIENCE_SECONDS: Final = 30.0
"""How long builds may be out of reach, without a break, before following them gives up."""

_AT_ONCE: Final = 16
_UNDONE: Final = frozenset({BuildState.FAILED, BuildState.CANCELLED})


def select(declaration: Declaration, names: Sequence[str] = (), platforms: Sequence[Platform] = ()) -> Declaration:
    """The part of a declaration that is about some distributions and platforms; empty means all.

    Diagnostics are kept that are about the distributions or about files named like them.

    Raises:
        NotFound: no manifest declares one of *names*, or none that is chosen is for *platforms*.
    """
    declared = declaration.declared
    if names:
        known = {each.distribution.name: each for each in declared}
        broken = {stem_of(problem.path) for problem in declaration.diagnostics} - set(known)
        for name in names:
            if name not in known and name not in broken:
                msg = f"no manifest declares `{name}`"
                listed = ", ".join(f"`{other}`" for other in sorted(known)[:8])
                raise NotFound(msg, hint=f"there are {listed}" if listed else "")
        declared = tuple(known[name] for name in dict.fromkeys(names) if name in known)
    if platforms:
        declared = _for_platforms(declared, platforms)
    if not names:
        return replace(declaration, declared=declared)
    own = {each.distribution.path for each in declared}
    problems = tuple(each for each in declaration.diagnostics if each.path in own or stem_of(each.path) in names)
    return replace(declaration, declared=declared, diagnostics=problems)


async def known_builds(declaration: Declaration, builds: BuildClient) -> tuple[BuildRecord, ...]:
    """Every declared build there is and, for those there are not, the newest one of the same name and platform.

    Raises:
        Unreachable: *builds* does not answer.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def find(desired: DesiredBuild) -> Sequence[BuildRecord]:
        async with gate:
            try:
                return (await builds.get(desired.id),)
            except NotFound:
                query = BuildQuery(name=desired.spec.name, platform=desired.spec.platform, limit=1)
                return (await builds.list(query)).items

    wanted = [build for each in declaration.declared for build in each.builds]
    found = await asyncio.gather(*(find(desired) for desired in wanted))
    return tuple({record.id: record for records in found for record in records}.values())


async def request(
    declaration: Declaration, builds: BuildClient, *, source: str, retry: bool
) -> tuple[BuildRecord, ...]:
    """Ask for every declared build that is neither suspended nor withdrawn; returns them in their order.

    Equal requests are one build, so what is there already is not built again.

    Args:
        source: id of the source that declares them.
        retry: also build again what failed or was cancelled.

    Raises:
        Refused: the service does not take a request.
        Unreachable: it does not answer.
    """
    records = []
    for declared in declaration.declared:
        if declared.lock is None or declared.distribution.builds_nothing:
            continue
        for desired in declared.builds:
            record = (await builds.request(_request(declared, desired, source, declaration.revision))).build
            if retry and record.state in _UNDONE:
                record = await builds.retry(record.id)
            records.append(record)
    return tuple(records)


async def follow(
    records: Iterable[BuildRecord],
    builds: BuildClient,
    on_change: Callable[[BuildRecord], None],
    *,
    interval: float,
) -> tuple[BuildRecord, ...]:
    """Watch builds until all have ended; returns how, in the order in which they were given.

    Args:
        on_change: told each build as it is at first, then whenever its state, step or attempt is another one.
        interval: seconds between two looks.

    Raises:
        Unreachable: the builds could not be looked at for `PATIENCE_SECONDS`.
        NotFound: a build is gone.
    """
    latest = {record.id: record for record in records}
    for record in latest.values():
        on_change(record)
    clock = asyncio.get_running_loop().time
    seen = clock()
    while under_way := [identity for identity, record in latest.items() if not record.state.final]:
        await asyncio.sleep(interval)
        for identity in under_way:
            try:
                record = await builds.get(identity)
            except Unreachable:
                if clock() - seen > PATIENCE_SECONDS:
                    raise
                break
            seen = clock()
            if _mark(record) != _mark(latest[identity]):
                on_change(record)
            latest[identity] = record
    return tuple(latest.values())


def _for_platforms(declared: Sequence[Declared], platforms: Sequence[Platform]) -> tuple[Declared, ...]:
    chosen = []
    for each in declared:
        builds = tuple(build for build in each.builds if build.spec.platform in platforms)
        wanted = tuple(platform for platform in each.distribution.platforms if platform in platforms)
        if wanted:
            chosen.append(replace(each, builds=builds, distribution=replace(each.distribution, platforms=wanted)))
    if declared and not chosen:
        listed = ", ".join(f"`{platform}`" for platform in platforms)
        msg = f"no chosen distribution is declared for {listed}"
        others = sorted({str(platform) for each in declared for platform in each.distribution.platforms})
        raise NotFound(msg, hint=f"they are declared for {', '.join(f'`{name}`' for name in others)}")
    return tuple(chosen)


def _request(declared: Declared, desired: DesiredBuild, source: str, revision: str) -> BuildRequest:
    lock = declared.lock
    return BuildRequest(
        spec=desired.spec,
        go_mod=lock.go_mod if lock else "",
        go_sum=lock.go_sum if lock else "",
        origin=Origin(source, revision, declared.distribution.path),
        policies=declared.distribution.policies,
        needs=declared.distribution.needs,
    )


def _mark(record: BuildRecord) -> tuple[object, ...]:
    return (record.state, record.step and record.step.step, len(record.attempts), record.cancel_requested)
