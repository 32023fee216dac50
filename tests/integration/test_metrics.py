"""What roles tell of themselves while they really build: metrics, health, readiness and logs."""

from __future__ import annotations

import json
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.scraping import Scrape, events, fetch, probes_of, scrape
from wombat_gitops.telemetry.catalogue import METRICS
from wombat_gitops.telemetry.vocabulary import EVENTS

if TYPE_CHECKING:
    from tests.support.broker import TestBroker
    from tests.support.system import Role, System

SEEN = {"WOMBAT_METRICS_PORT": "0", "WOMBAT_LOG_FORMAT": "json", "WOMBAT_LOG_LEVEL": "debug"}
NEEDS_A_LIMIT = {"wombat_broker_storage_limit_bytes"}
"""Not shown by a broker whose account has no limit, as the embedded one's."""


def lines_of(role: Role) -> list[dict[str, Any]]:
    """The log of a role; every line of it is one object with the fields that all events have."""
    found = [json.loads(line) for line in role.said.splitlines()]
    for line in found:
        assert {"event", "level", "timestamp", "role", "instance"} <= set(line), line
    return found


@pytest.fixture
async def fleet(system: System, broker: TestBroker) -> dict[str, Role]:
    """The roles as processes of their own, watched by nobody but this test."""
    env = {**SEEN, "WOMBAT_NATS": broker.url}
    roles = {"service": system.start("service", **env)}
    await system.until(lambda: probes_of(roles["service"]), "the service tells where its metrics are")
    system.write()
    system.commit()
    for name in ("builder", "watcher", "api"):
        roles[name] = system.start(name, **env)
        await system.until(partial(probes_of, roles[name]), f"{name} tells where its metrics are")
    return roles


def ready(role: Role) -> tuple[int, str]:
    return fetch(f"{probes_of(role)}/readyz")


def answers(role: Role, status: int) -> bool:
    return ready(role)[0] == status


def check_logs(system: System, fleet: dict[str, Role]) -> None:
    """Each line of each role, from start to stop, against the vocabulary: as it runs, not as it is written."""
    for role in reversed(list(fleet.values())):
        role.stop()

    lines = {name: lines_of(role) for name, role in fleet.items()}

    for name, said in lines.items():
        assert {line["role"] for line in said} == {name}
        assert len({line["instance"] for line in said}) == 1
        assert [line["event"] for line in said if line["event"].startswith("role_")] == [
            "role_started",
            "role_stopping",
            "role_stopped",
        ]
        for line in said:
            event = EVENTS[line["event"]]
            assert event.required <= set(line), line
            assert event.name == "library_said" or event.level == line["level"], line
    (ended,) = (line for line in lines["service"] if line["event"] == "attempt_ended")
    about = [line for said in lines.values() for line in said if line.get("build") == ended["build"]]
    assert {"build_requested", "attempt_started", "step_ended", "attempt_ended", "build_ended"} <= {
        line["event"] for line in about
    }
    assert {line["builder"] for line in about if "builder" in line} == {ended["builder"]}


async def test_a_fleet_that_builds(system: System, fleet: dict[str, Role]) -> None:
    """Every metric of the table is really shown, and counts what happened."""
    for role in fleet.values():
        await system.until(partial(answers, role, 200), f"{role.name} is ready")
    service, api = probes_of(fleet["service"]), probes_of(fleet["api"])
    await system.until(lambda: scrape(service).value("wombat_builds", state="succeeded") == 1, "a build succeeded")
    public = next(event["address"] for event in events(fleet["api"]) if event["event"] == "api_listening")
    assert fetch(f"{public}/api/v1/builds?limit=1")[0] == 200
    assert fetch(f"{public}/api/v1/builds/0000000000")[0] == 404
    (system.repo / "manifests" / "broken.yaml").write_text("kind: [")
    (system.repo / ".git").rename(system.repo / ".gone")
    watcher = probes_of(fleet["watcher"])
    await system.until(lambda: scrape(watcher).value("wombat_source_failures_total") > 0, "a pass fails")
    (system.repo / ".gone").rename(system.repo / ".git")
    await system.until(lambda: scrape(service).value("wombat_stream_bytes", stream="OBJ_artifacts") > 0, "sizes")

    told = {name: scrape(probes_of(role)) for name, role in fleet.items()}

    at_service = told["service"]
    assert at_service.value("wombat_build_requests_total", result="created") == 1
    assert at_service.value("wombat_attempts_started_total") == 1
    assert at_service.value("wombat_attempts_ended_total", outcome="succeeded", state="succeeded", reason="") == 1
    assert at_service.value("wombat_build_wait_seconds_count") == 1
    for step in ("fetch", "generate", "check", "compile", "smoke", "upload"):
        assert at_service.value("wombat_step_seconds_count", step=step) == 1
    assert at_service.value("wombat_service_request_seconds_count", endpoint="attempt-step", status="200") >= 6
    assert at_service.value("wombat_builders", state="working") == 1
    assert at_service.value("wombat_builders_sandboxed", sandbox="bubblewrap") == 1
    assert at_service.value("wombat_workers") == 1
    assert at_service.value("wombat_queue_oldest_seconds") == 0
    assert at_service.value("wombat_events_total", event="swept") > 0
    assert at_service.value("wombat_stream_limit_bytes", stream="LOGS") == 2 << 30
    assert told["builder"].value("wombat_events_total", event="build_ended") == 1
    http = {"route": "/api/v1/builds/{build}", "method": "GET", "status": "404"}
    assert told["api"].value("wombat_http_requests_total", **http) == 1, routes(told["api"])
    assert "/metrics" not in routes(told["api"])
    shown = set().union(*(each.names for each in told.values()))
    assert set(METRICS) - shown <= NEEDS_A_LIMIT | {"wombat_sources_failing"}
    assert api != public
    assert "wombat_" not in fetch(f"{public}/metrics")[1]
    check_logs(system, fleet)


def routes(told: Scrape) -> set[str]:
    return {dict(labels).get("route", "") for _, labels in told.samples}


async def test_health_is_not_readiness(system: System, fleet: dict[str, Role], broker: TestBroker) -> None:
    """While the broker is away every role lives, none is ready, and each says why; afterwards all are again."""
    for role in fleet.values():
        await system.until(partial(answers, role, 200), f"{role.name} is ready")

    await broker.kill()

    for role in fleet.values():
        await system.until(partial(answers, role, 503), f"{role.name} is not ready")
        assert "broker: there is no connection\n" in ready(role)[1]
        assert fetch(f"{probes_of(role)}/healthz") == (200, "ok\n")
        assert scrape(probes_of(role)).value("wombat_broker_connected") == 0
    await broker.start()
    for role in fleet.values():
        await system.until(partial(answers, role, 200), f"{role.name} is ready again")
        assert scrape(probes_of(role)).value("wombat_events_total", event="broker_back") >= 1


async def test_a_role_that_starts_before_its_broker_lives(system: System) -> None:
    """Probes answer from the beginning, so that nobody kills a role that waits."""
    role = system.start("service", **SEEN, WOMBAT_NATS="nats://127.0.0.1:9")

    await system.until(lambda: probes_of(role), "the service tells where its metrics are")

    assert fetch(f"{probes_of(role)}/healthz") == (200, "ok\n")
    status, body = ready(role)
    assert status == 503
    assert "broker" in body


def test_a_port_that_is_taken_is_told(system: System) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        found = system.run("service", WOMBAT_METRICS_PORT=port, WOMBAT_NATS="nats://127.0.0.1:9")

    assert found.returncode == 6
    assert "for metrics" in found.stderr
    assert "WOMBAT_METRICS_PORT" in found.stderr


async def test_nothing_listens_unless_asked(system: System, broker: TestBroker) -> None:
    role = system.start("service", WOMBAT_NATS=broker.url, WOMBAT_LOG_FORMAT="json")

    await system.until(lambda: "role_started" in role.said, "the service runs")

    assert not probes_of(role)
    assert role.stop() == 0
