"""Is it down? Judged in one place, so that API, website and command line say the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

from wombat_gitops.domain.catalogue import BuilderState
from wombat_gitops.domain.subjects import builder_name
from wombat_gitops.services.observed import BUILD_UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wombat_gitops.domain.catalogue import SourceLook, SourceRecord
    from wombat_gitops.services.catalog_types import CatalogStatus

_QUEUE = "/builds?state=queued"


class HealthState(StrEnum):
    """How the service as a whole is, for people who came for a download or wait for a build."""

    OK = "ok"  # everything works
    DEGRADED = "degraded"  # something needs attention, and most goes on
    DOWN = "down"  # what is asked for is not done until somebody mends it


@dataclass(frozen=True, slots=True)
class HealthReason:
    """One thing that is not as it should be.

    Attributes:
        code: one word of a fixed list, for programs.
        message: for people: what it is, and what it means.
        since: None where that is not known.
        page: of the website, where more is to be seen.
    """

    code: str
    message: str
    since: datetime | None
    page: str
    state: HealthState = HealthState.DEGRADED


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """The verdict, and everything that speaks against `ok`, worst first."""

    state: HealthState
    reasons: tuple[HealthReason, ...]


def judge(status: CatalogStatus, looks: Mapping[str, SourceLook], now: datetime) -> ServiceHealth:
    """Find everything that is wrong.

    Args:
        looks: how each source was last looked at, by its id.
    """
    found = (*_broker(status), *_builders(status), *_sources(status, looks, now), *_damage(status))
    reasons = sorted(found, key=lambda reason: reason.state is not HealthState.DOWN)
    return ServiceHealth(reasons[0].state if reasons else HealthState.OK, tuple(reasons))


def _broker(status: CatalogStatus) -> Iterator[HealthReason]:
    if not status.connected:
        message = (
            "The broker does not answer: nothing new is built or shown until it is back. "
            "Files that are here already can still be downloaded."
        )
        yield HealthReason("broker-away", message, status.synced_at, "/fleet", HealthState.DOWN)
    elif status.stale:
        message = "The catalogue is being read again: what is shown may be old."
        yield HealthReason("catalogue-old", message, status.synced_at, "/fleet")


def _builders(status: CatalogStatus) -> Iterator[HealthReason]:
    """What the builders lack; while the broker is away nobody can tell."""
    if not status.connected:
        return
    if any(builder.state is BuilderState.WORKING for builder in status.builders):
        if status.stranded:
            waiting = _count(len(status.stranded), "build waits", "builds wait")
            message = f"{waiting} for a builder that can take {'it' if len(status.stranded) == 1 else 'them'}."
            yield HealthReason("no-fitting-builder", message, min(status.stranded), _QUEUE)
    elif status.queued:
        waiting = _count(status.queued, "build waits", "builds wait")
        message = f"No builder takes new builds, and {waiting}. Start one with `wombat builder`."
        yield HealthReason("no-builder", message, None, _QUEUE, HealthState.DOWN)
    else:
        message = "No builder takes new builds. Nothing waits for one now."
        yield HealthReason("no-builder", message, None, "/fleet")
    for builder in status.builders:
        if builder.state is BuilderState.QUARANTINED:
            name = builder_name(builder.id)
            reason = f": {builder.reason}" if builder.reason else ""
            message = f"Builder `{name}` is in quarantine{reason}."
            yield HealthReason("builder-quarantined", message, None, f"/fleet/{quote(name)}")


def _sources(status: CatalogStatus, looks: Mapping[str, SourceLook], now: datetime) -> Iterator[HealthReason]:
    for source in status.sources:
        look = looks.get(source.id)
        page = f"/sources#{quote(source.id)}"
        if look is not None and look.due_at is not None and look.due_at < now:
            message = (
                f"Nobody has looked at {_place(source)} for too long: changes there are not seen. "
                "Is its watcher running?"
            )
            yield HealthReason("source-unwatched", message, look.due_at, page)
            continue
        ready = next((each for each in source.conditions if each.type == "Ready"), None)
        if ready is not None and not ready.status:
            words = ready.message.partition("\n")[0][:300]
            what = f"Some builds of {_place(source)} cannot be requested"
            if ready.reason != BUILD_UNREADABLE:
                what = f"The newest state of {_place(source)} cannot be used"
            message = f"{what}: {words}"
            yield HealthReason("source-not-ready", message, ready.since, page)


def _damage(status: CatalogStatus) -> Iterator[HealthReason]:
    unreadable = sum(len(keys) for keys in status.unreadable.values())
    if unreadable:
        entries = _count(unreadable, "stored entry", "stored entries")
        message = f"{entries} cannot be read, and so {'is' if unreadable == 1 else 'are'} not shown."
        builds = status.unreadable.get("builds")
        if builds:
            message += f" `wombat retry {builds[0]}` removes the record of a build, so that it is requested again."
        yield HealthReason("store-damaged", message, None, "/fleet")


def _place(source: SourceRecord) -> str:
    return f"`{source.url}`" + (f" at `{source.ref}`" if source.ref else "")


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
