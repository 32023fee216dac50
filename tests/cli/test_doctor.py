"""`wombat doctor`: what is in order, what is not, and how to mend it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.broker import TestBroker, prepared
from wombat_gitops.cli import exits

if TYPE_CHECKING:
    import subprocess

    from tests.support.system import System


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in json.loads(done.stdout)["items"]}


async def test_a_system_that_runs(system: System) -> None:
    """Broker, streams, service and API are in order, each with what was found."""
    system.write()
    system.commit()
    system.start("up", "--no-live")
    await system.until_state("tiny", "succeeded")
    found = findings(system.run("doctor", "-o", "json"))
    for check in ("git", "sandbox", "broker", "streams", "service", "api", "disk", "clock"):
        assert found[check]["verdict"] == "ok", found[check]
    assert "stored" in found["streams"]["message"]


async def test_a_broker_nobody_has_prepared(system: System, broker: TestBroker) -> None:
    """Streams are missing and no service answers: both fail, and say what to start."""
    done = system.run("doctor", "-o", "json", WOMBAT_NATS=broker.url)
    found = findings(done)
    assert done.returncode == exits.FAILED
    assert found["broker"]["verdict"] == "ok"
    assert found["streams"]["verdict"] == found["service"]["verdict"] == "fail"
    assert "wombat service" in found["streams"]["mend"]
    assert "wombat service" in found["service"]["mend"]


async def test_copies_that_are_too_few(system: System, broker: TestBroker) -> None:
    """Three copies are wanted and one is kept: told, with the way there."""
    async with prepared(broker):
        found = findings(system.run("doctor", "-o", "json", WOMBAT_NATS=broker.url, WOMBAT_REPLICAS="3"))
    assert found["streams"]["verdict"] == "warn"
    assert "not 3" in found["streams"]["message"]


async def test_no_broker_at_all(system: System) -> None:
    """What cannot be reached fails; what could not be looked at therefore only warns."""
    found = findings(system.run("doctor", "-o", "json", WOMBAT_NATS="nats://127.0.0.1:1"))
    assert found["broker"]["verdict"] == "fail"
    assert found["streams"]["verdict"] == found["service"]["verdict"] == "warn"
