"""Status as people read it while roles are missing: each a real process, on a real broker and a real repository."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.system import COMMITS

if TYPE_CHECKING:
    from tests.support.fleet import Fleet
    from tests.support.system import Role


class Seen:
    """A fleet with an API, as it is seen from outside."""

    def __init__(self, fleet: Fleet, address: str) -> None:
        self.fleet = fleet
        self.address = address

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = self.fleet.system.get("/api/v1/status", self.address)["health"]
        return found

    def source(self) -> dict[str, Any]:
        found: dict[str, Any] = self.fleet.system.get("/api/v1/sources", self.address)["items"][0]
        return found

    async def until(self, state: str, *codes: str) -> dict[str, Any]:
        """Wait for a verdict with exactly these reasons."""

        def look() -> dict[str, Any] | None:
            found = self.health()
            same = (found["state"], {each["code"] for each in found["reasons"]}) == (state, set(codes))
            return found if same else None

        found: dict[str, Any] = await self.fleet.system.until(look, f"the status {state} with {codes}")
        return found

    async def until_source(self, state: str, *, applied: str, observed: str = "") -> dict[str, Any]:
        """Wait until the source is in a state, at these revisions."""

        def look() -> dict[str, Any] | None:
            found = self.source()
            there = (found["state"], found["applied_revision"], found["observed_revision"])
            return found if there == (state, applied, observed or applied) else None

        found: dict[str, Any] = await self.fleet.system.until(look, f"the source {state} at {applied}")
        return found


def start_watcher(fleet: Fleet) -> Role:
    """Start a watcher of the branch `main`."""
    return fleet.start("watcher", **COMMITS)


async def running(fleet: Fleet) -> tuple[Seen, dict[str, Role], str]:
    """A service, a builder, a watcher and an API that have nothing to complain of; with the commit that is applied."""
    fleet.system.write()
    fleet.system.commit()
    commit = fleet.system.git("rev-parse", "HEAD").strip()
    roles = {name: fleet.start(name) for name in ("service", "builder")}
    roles["watcher"] = start_watcher(fleet)
    _, address = await fleet.api()
    seen = Seen(fleet, address)
    await seen.until("ok")
    await seen.until_source("Ready", applied=commit)
    return seen, roles, commit


async def test_status_was_ok_with_the_service_stopped_and_a_commit_pushed(fleet: Fleet) -> None:
    """`no-service` at once, everywhere in the same words; the commit is observed, and applied once it is back."""
    seen, roles, before = await running(fleet)
    roles["service"].stop()
    down = await seen.until("down", "no-service")
    fleet.system.write(version="1.1.0")
    fleet.system.commit()
    pushed = fleet.system.git("rev-parse", "HEAD").strip()
    late = await seen.until_source("NotReady", applied=before, observed=pushed)
    ready = next(each for each in late["conditions"] if each["type"] == "Ready")
    assert (ready["status"], ready["reason"], ready["revision"]) == (False, "BuildsNotRequested", pushed)
    await seen.until("down", "no-service", "source-not-ready")

    told = down["reasons"][0]["message"]
    env = {"WOMBAT_SERVER": seen.address, "WOMBAT_NATS": fleet.broker.url}
    lists = [fleet.system.run("list", kind, **env) for kind in ("sources", "builds", "distributions")]
    for done in (*lists, fleet.system.run("builders", **env)):
        assert f"no-service: {told}" in done.stderr
    head, row = lists[0].stdout.splitlines()[:2]
    assert row[head.index("OBSERVED") :].startswith(pushed[:12])
    assert row[head.index("APPLIED") :].startswith(before[:12])
    for server in (seen.address, "http://127.0.0.1:9"):  # from the API, and from the broker where no API answers
        doctor = fleet.system.run("doctor", "--output", "json", **{**env, "WOMBAT_SERVER": server})
        findings = {each["check"]: each for each in json.loads(doctor.stdout)["items"]}
        assert findings["health"]["verdict"] == "fail"
        assert f"no-service: {told}" in findings["health"]["message"]

    fleet.start("service")
    await seen.until_source("Ready", applied=pushed)
    await seen.until("ok")
    await fleet.system.until_state("tiny", "succeeded", version="1.1.0", base=seen.address)


async def test_status_was_ok_with_the_service_killed(fleet: Fleet) -> None:
    """A crash takes no heartbeat back: its age tells, and the reason says since when."""
    seen, roles, _ = await running(fleet)
    roles["service"].kill()
    down = await seen.until("down", "no-service")
    assert down["reasons"][0]["since"]
    fleet.start("service")
    await seen.until("ok")


async def test_status_was_ok_with_the_watcher_stopped(fleet: Fleet) -> None:
    """`no-watcher`, and the source is not Ready but Unwatched; a new watcher takes up what was pushed meanwhile."""
    seen, roles, before = await running(fleet)
    roles["watcher"].stop()
    await seen.until("degraded", "no-watcher")
    await seen.until_source("Unwatched", applied=before)
    fleet.system.write(version="1.1.0")
    fleet.system.commit()
    start_watcher(fleet)
    await seen.until_source("Ready", applied=fleet.system.git("rev-parse", "HEAD").strip())
    await seen.until("ok")


async def test_the_only_builder_stops(fleet: Fleet) -> None:
    """`no-builder`, and worse as soon as something waits for one."""
    seen, roles, _ = await running(fleet)
    await fleet.system.until_state("tiny", "succeeded", base=seen.address)
    roles["builder"].stop()
    await seen.until("degraded", "no-builder")
    fleet.system.write(version="1.1.0")
    fleet.system.commit()
    await seen.until("down", "no-builder")
    fleet.start("builder")
    await seen.until("ok")


async def test_a_broker_that_was_away_made_every_role_look_gone(fleet: Fleet) -> None:
    """`broker-away` alone while it is; then no role is called gone for what the API could not hear."""
    seen, _, _ = await running(fleet)
    await fleet.broker.kill()
    away = await seen.until("down", "broker-away")
    assert [each["code"] for each in away["reasons"]] == ["broker-away"]
    await fleet.broker.start()
    codes = set[str]()

    def look() -> bool:
        found = seen.health()
        codes.update(each["code"] for each in found["reasons"])
        return bool(found["state"] == "ok")

    await fleet.system.until(look, "all well again")
    assert not codes & {"no-service", "no-watcher", "no-builder"}
