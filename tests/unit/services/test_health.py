"""Is it down? Everything that speaks against it, worst first, with where to look."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.factories import NOW
from tests.support.stage import presence
from wombat_gitops.domain.catalogue import BuilderState, Condition, SourceLook, SourceRecord
from wombat_gitops.services.catalog_types import CatalogStatus
from wombat_gitops.services.health import CODES, judge, source_state
from wombat_gitops.services.rollcall import Pulse, RoleState

GOOD = CatalogStatus(
    connected=True, synced_at=NOW, stale=False, queued=0, running=0, builders=(presence(),), sources=(), unreadable={}
)
SOURCE = SourceRecord("main", "https://git.invalid/a", "main", "manifests")
REFUSED = Condition("Ready", False, "AccessDenied", "no entry\nsecond line", "", NOW)
LATER = NOW + timedelta(hours=1)
IN_QUARANTINE = presence("broken.1", state=BuilderState.QUARANTINED, reason="its disk is full")


@pytest.mark.parametrize(
    ("status", "state", "codes"),
    [
        (GOOD, "ok", []),
        (replace(GOOD, queued=2), "ok", []),
        (replace(GOOD, connected=False, stale=True, queued=3, builders=()), "down", ["broker-away"]),
        (replace(GOOD, stale=True), "degraded", ["catalogue-old"]),
        (replace(GOOD, builders=()), "degraded", ["no-builder"]),
        (replace(GOOD, builders=(), queued=1), "down", ["no-builder"]),
        (replace(GOOD, builders=(presence(state=BuilderState.DRAINING),), queued=1), "down", ["no-builder"]),
        (replace(GOOD, queued=2, stranded=(LATER, NOW)), "degraded", ["no-fitting-builder"]),
        (replace(GOOD, builders=(*GOOD.builders, IN_QUARANTINE)), "degraded", ["builder-quarantined"]),
        (replace(GOOD, sources=(replace(SOURCE, conditions=(REFUSED,)),)), "degraded", ["source-not-ready"]),
        (replace(GOOD, unreadable={"builds": ("x", "y")}), "degraded", ["store-damaged"]),
        (
            replace(GOOD, stale=True, builders=(), queued=1, unreadable={"builds": ("x",)}),
            "down",
            ["no-builder", "catalogue-old", "store-damaged"],
        ),
    ],
)
def test_what_is_wrong(status: CatalogStatus, state: str, codes: list[str]) -> None:
    """Down is only what keeps people from what they came for."""
    health = judge(status, {}, NOW)

    assert (health.state.value, [reason.code for reason in health.reasons]) == (state, codes)


ALIVE = {role: RoleState(Pulse.ALIVE) for role in ("service", "watcher")}


@pytest.mark.parametrize(
    ("changes", "state", "codes"),
    [
        ({"roles": ALIVE}, "ok", []),
        ({"roles": {**ALIVE, "service": RoleState(Pulse.GONE, last=NOW)}}, "down", ["no-service"]),
        ({"roles": {**ALIVE, "watcher": RoleState(Pulse.GONE)}}, "degraded", ["no-watcher"]),
        ({"roles": {**ALIVE, "service": RoleState(Pulse.UNKNOWN)}}, "degraded", ["heartbeats-unknown"]),
        (
            {"roles": {role: RoleState(Pulse.GONE) for role in ALIVE}, "connected": False, "builders": ()},
            "down",
            ["broker-away"],
        ),
        ({"builders": (), "silent": True, "listens": False, "queued": 1}, "degraded", ["heartbeats-unknown"]),
        ({"builders": (), "silent": True, "queued": 1}, "down", ["no-builder"]),
        ({"queued": 1, "store_full": (LATER, NOW)}, "down", ["store-full"]),
    ],
)
def test_status_was_ok_without_a_service_or_a_watcher(changes: dict[str, object], state: str, codes: list[str]) -> None:
    """Each role is judged by its heartbeat, and by none while this process could not have heard one."""
    health = judge(replace(GOOD, **changes), {}, NOW)  # type: ignore[arg-type]

    assert (health.state.value, [reason.code for reason in health.reasons]) == (state, codes)
    assert {reason.code for reason in health.reasons} <= set(CODES)


@pytest.mark.parametrize(
    ("seen", "word"),
    [("a" * 40, "Ready"), ("", "Ready"), ("b" * 40, "Progressing")],
)
def test_a_source_was_ready_at_another_revision_than_the_newest(seen: str, word: str) -> None:
    """Ready only where the newest revision that was seen is the one whose builds were requested."""
    ready = Condition("Ready", True, "Reconciled", "", "a" * 40, NOW)
    source, look = replace(SOURCE, revision="a" * 40, conditions=(ready,)), SourceLook("main", seen, polled_at=NOW)

    assert source_state(source, look, ALIVE, NOW) == word
    assert source_state(source, look, {"watcher": RoleState(Pulse.GONE)}, NOW) == "Unwatched"


def test_reasons_say_where_and_since_when() -> None:
    """Each leads to the page that tells more; a message is one line."""
    status = replace(
        GOOD,
        builders=(*GOOD.builders, IN_QUARANTINE),
        sources=(replace(SOURCE, conditions=(REFUSED,)),),
        stranded=(LATER, NOW),
    )
    told = {reason.code: reason for reason in judge(status, {}, NOW).reasons}

    assert told["source-not-ready"].page == "/sources#main"
    assert told["source-not-ready"].message.endswith("cannot be used: no entry")
    assert told["builder-quarantined"].page == "/fleet/broken"
    assert "its disk is full" in told["builder-quarantined"].message
    assert (told["no-fitting-builder"].since, told["no-fitting-builder"].page) == (NOW, "/builds?state=queued")


def test_an_unreadable_build_was_told_without_what_to_do() -> None:
    """The record by its id, with the command; and the source whose builds it is, not as one that cannot be used."""
    told = Condition("Ready", False, "BuildUnreadable", "the record of build `abc` cannot be read", "", NOW)
    status = replace(GOOD, unreadable={"builds": ("abc",)}, sources=(replace(SOURCE, conditions=(told,)),))
    source, store = judge(status, {}, NOW).reasons

    assert store.message.startswith("1 stored entry cannot be read, and so is not shown. `wombat retry abc` removes")
    assert source.code == "source-not-ready"
    assert source.message.startswith("Some builds of `https://git.invalid/a` at `main` cannot be requested: the record")


def test_a_source_that_nobody_watches_is_told_when_it_is_due() -> None:
    """Two intervals and a grace after the last look, and not before; an older watcher tells no interval."""
    look = SourceLook("main", polled_at=NOW, interval=30)
    assert look.due_at is not None
    status = replace(GOOD, sources=(SOURCE,))

    assert judge(status, {"main": look}, look.due_at).reasons == ()
    (reason,) = judge(status, {"main": look}, look.due_at + timedelta(seconds=1)).reasons
    assert (reason.code, reason.since) == ("source-unwatched", look.due_at)
    assert judge(status, {"main": replace(look, interval=0)}, LATER).reasons == ()
