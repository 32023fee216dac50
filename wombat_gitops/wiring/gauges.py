"""What is shown of builds, builders and sources, read from the catalogue whenever somebody scrapes."""

from __future__ import annotations

import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.infrastructure import OBJECT_STREAM, kv_stream
from wombat_gitops.domain import subjects
from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.catalogue import BuilderState
from wombat_gitops.domain.records import BuildState, Step
from wombat_gitops.services import observed
from wombat_gitops.services.health import CODES
from wombat_gitops.telemetry.catalogue import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.telemetry.metrics import Sample

STREAMS: Final = (
    *(
        kv_stream(bucket)
        for bucket in (subjects.BUILDS, subjects.INPUTS, subjects.LEASES, subjects.SOURCES, subjects.DISTRIBUTIONS)
    ),
    OBJECT_STREAM,
    subjects.LOGS,
)
"""All that we keep on the broker."""


def fleet(catalog: Catalog, now: datetime) -> Iterator[Sample]:
    """Everything about builds, builders and sources; the work grows with what is queued and running."""
    status = catalog.status()
    yield "wombat_catalogue_stale", (), float(status.stale)
    wrong = Counter(reason.code for reason in catalog.health().reasons)
    for code in CODES:
        yield "wombat_health", (code,), float(wrong[code])
    for role, known in status.roles.items():
        yield "wombat_roles", (role,), float(len(known.running))
        if known.last is not None:
            yield "wombat_heartbeat_age_seconds", (role,), (now - known.last).total_seconds()
    for state in BuildState:
        yield "wombat_builds", (state.value,), float(catalog.index.count(state))
    yield from _queue(catalog, now)
    yield from _steps(catalog, now)
    yield from _builders(catalog)
    yield from _sources(catalog, now)
    for store in ("builds", "distributions", "sources", "builders"):
        yield "wombat_records_unreadable", (store,), float(len(status.unreadable.get(store, ())))


def _queue(catalog: Catalog, now: datetime) -> Iterator[Sample]:
    depth, held, oldest = Counter(dict.fromkeys(catalog.index.platforms, 0)), 0, now
    for record in catalog.index.in_state(BuildState.QUEUED):
        depth[str(record.spec.platform)] += 1
        if record.not_before is not None and record.not_before > now:
            held += 1
        else:
            oldest = min(oldest, max(record.changed_at, record.not_before or record.changed_at))
    for platform, number in depth.items():
        yield "wombat_queue_builds", (platform,), float(number)
    yield "wombat_queue_held_builds", (), float(held)
    yield "wombat_queue_oldest_seconds", (), (now - oldest).total_seconds()


def _steps(catalog: Catalog, now: datetime) -> Iterator[Sample]:
    oldest = dict.fromkeys((step.value for step in Step), 0.0)
    for record in catalog.index.in_state(BuildState.RUNNING):
        step = record.step
        if step is not None:
            age = (now - step.started_at).total_seconds()
            oldest[step.step.value] = max(oldest[step.step.value], age)
    for name, age in oldest.items():
        yield "wombat_step_oldest_seconds", (name,), age


def _builders(catalog: Catalog) -> Iterator[Sample]:
    builders = catalog.builders()
    for state in BuilderState:
        number = sum(builder.state is state for builder in builders)
        yield "wombat_builders", (state.value,), float(number)
    known = [level.value for level in SandboxLevel]
    levels = Counter(builder.can.sandbox if builder.can.sandbox in known else OTHER for builder in builders)
    for name in (*known, OTHER):
        yield "wombat_builders_sandboxed", (name,), float(levels[name])
    working = [builder for builder in builders if builder.state is BuilderState.WORKING]
    yield "wombat_workers", (), float(sum(builder.workers for builder in working))
    yield "wombat_workers_busy", (), float(sum(builder.busy for builder in builders))


def _sources(catalog: Catalog, now: datetime) -> Iterator[Sample]:
    sources, looks = catalog.sources(), catalog.looks()
    yield "wombat_sources", (), float(len(sources))
    failing = Counter[str]()
    overdue = 0
    for source in sources:
        ready = next((each for each in source.conditions if each.type == observed.READY), None)
        if ready is not None and not ready.status:
            failing[ready.reason] += 1
        look = looks.get(source.id)
        if look is None or look.polled_at is None:
            continue
        yield "wombat_source_look_age_seconds", (source.id,), (now - look.polled_at).total_seconds()
        overdue += look.due_at is not None and look.due_at < now
    for reason, number in failing.items():
        yield "wombat_sources_failing", (reason,), float(number)
    yield "wombat_sources_overdue", (), float(overdue)


def free_space(data: Path) -> Iterator[Sample]:
    """Room for everything that is kept on this machine; nothing before there is a folder."""
    try:
        yield "wombat_data_free_bytes", (), float(shutil.disk_usage(data).free)
    except OSError:
        return


async def broker_storage(connection: Connection, seconds: float) -> list[Sample]:
    """How full the broker is.

    Raises:
        WombatError: it does not tell.
    """
    found: list[Sample] = []
    for stream in STREAMS:
        info = await jetstream.api(connection, f"STREAM.INFO.{stream}", {}, seconds=seconds)
        found.append(("wombat_stream_bytes", (stream,), float(info["state"]["bytes"])))
        found += _limit("wombat_stream_limit_bytes", (stream,), info["config"].get("max_bytes", -1))
    account: dict[str, Any] = await jetstream.api(connection, "INFO", {}, seconds=seconds)
    found.append(("wombat_broker_storage_bytes", (), float(account["storage"])))
    found += _limit("wombat_broker_storage_limit_bytes", (), account.get("limits", {}).get("max_storage", -1))
    return found


def _limit(name: str, labels: tuple[str, ...], value: object) -> list[Sample]:
    return [(name, labels, float(value))] if isinstance(value, int) and value > 0 else []
