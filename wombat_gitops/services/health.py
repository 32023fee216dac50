"""Is it down? Judged in one place, so that API, website and command line say the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from wombat_gitops.domain.catalogue import SERVICE_ROLE, WATCHER_ROLE, BuilderState
from wombat_gitops.domain.subjects import builder_name
from wombat_gitops.services.observed import BUILD_UNREADABLE, READY, STALLED
from wombat_gitops.services.rollcall import Pulse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wombat_gitops.domain.catalogue import SourceLook, SourceRecord
    from wombat_gitops.services.catalog_types import CatalogStatus
    from wombat_gitops.services.rollcall import RoleState

CODES: Final = (
    "broker-away",
    "catalogue-old",
    "no-service",
    "no-watcher",
    "no-builder",
    "heartbeats-unknown",
    "no-fitting-builder",
    "builder-quarantined",
    "store-full",
    "source-unwatched",
    "source-not-ready",
    "store-damaged",
)
"""Every code there is; the alerts and the page know them by these words."""

UNKNOWN: Final = "heartbeats-unknown"
"""Code for as long as nobody can tell whether a role runs."""

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
    found = (
        *_broker(status),
        *_roles(status),
        *_builders(status),
        *_sources(status, looks, now),
        *_store(status),
        *_damage(status),
    )
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


def _roles(status: CatalogStatus) -> Iterator[HealthReason]:
    """Which roles do not run; while the broker is away nobody can tell."""
    if not status.connected:
        return
    for role, code, message, state in _ROLES:
        known = status.roles.get(role)
        if known is not None and known.pulse is Pulse.GONE:
            yield HealthReason(code, message, known.last, "/fleet", state)
    unknown = [role for role, known in status.roles.items() if known.pulse is Pulse.UNKNOWN]
    unknown += ["builder"] if status.silent and not status.listens else []
    if unknown:
        message = (
            f"Whether any {' or '.join(unknown)} runs is not known yet: the connection to the broker is too new to "
            "have heard a heartbeat."
        )
        yield HealthReason(UNKNOWN, message, status.synced_at, "/fleet")


_ROLES: Final = (
    (
        SERVICE_ROLE,
        "no-service",
        "No service runs: no build is requested, handed out or stored. Start one with `wombat service`.",
        HealthState.DOWN,
    ),
    (
        WATCHER_ROLE,
        "no-watcher",
        "No watcher runs: commits are not seen. Start one with `wombat watcher`.",
        HealthState.DEGRADED,
    ),
)


def _builders(status: CatalogStatus) -> Iterator[HealthReason]:
    """What the builders lack; while the broker is away, and soon after, nobody can tell."""
    if not status.connected or (status.silent and not status.listens):
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


def _store(status: CatalogStatus) -> Iterator[HealthReason]:
    if status.store_full:
        waiting = _count(len(status.store_full), "build waits", "builds wait")
        message = (
            f"The artifact store is full, and {waiting} for room. Remove what is not needed with `wombat gc`, or raise "
            "WOMBAT_ARTIFACTS_LIMIT."
        )
        yield HealthReason("store-full", message, min(status.store_full), _QUEUE, HealthState.DOWN)


def _damage(status: CatalogStatus) -> Iterator[HealthReason]:
    unreadable = sum(len(keys) for keys in status.unreadable.values())
    if unreadable:
        entries = _count(unreadable, "stored entry", "stored entries")
        message = f"{entries} cannot be read, and so {'is' if unreadable == 1 else 'are'} not shown."
        builds = status.unreadable.get("builds")
        if builds:
            message += f" `wombat retry {builds[0]}` removes the record of a build, so that it is requested again."
        yield HealthReason("store-damaged", message, None, "/fleet")


def source_state(source: SourceRecord, look: SourceLook | None, roles: Mapping[str, RoleState], now: datetime) -> str:
    """How a source is, in one word: `Ready` only at the newest revision that was seen, with its builds requested.

    `Unwatched` where nobody looks at it, `Unread` before the first look, `Progressing` while a newer revision is
    read, else the abnormal condition that says most, or `NotReady`.
    """
    watchers = roles.get(WATCHER_ROLE)
    gone = watchers is not None and watchers.pulse is Pulse.GONE
    if gone or (look is not None and look.due_at is not None and look.due_at < now):
        return "Unwatched"
    wrong = [each.type for each in source.conditions if each.status and each.type != READY]
    wrong.sort(key=lambda name: name == STALLED)  # it comes with a condition that says more
    ready = next((each for each in source.conditions if each.type == READY), None)
    if ready is None:
        return wrong[0] if wrong else "Unread"
    if not ready.status:
        return next((name for name in wrong if name != STALLED), "NotReady")
    if look is not None and look.revision not in {"", source.revision}:
        return "Progressing"
    return wrong[0] if wrong else READY


def _place(source: SourceRecord) -> str:
    return f"`{source.url}`" + (f" at `{source.ref}`" if source.ref else "")


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
