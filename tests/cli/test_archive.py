"""`wombat backup`, `restore`, `verify` and `move` as an operator runs them, on what a real system has built."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.support.broker import TestBroker
from tests.support.cluster import NODES, Cluster
from tests.support.system import COMMITS
from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.connection import connect
from wombat_gitops.adapters.nats.infrastructure import BUCKETS, OBJECT_STREAM, kv_stream
from wombat_gitops.adapters.nats.objects import META_SUBJECTS
from wombat_gitops.cli import exits
from wombat_gitops.domain.subjects import LOGS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.system import Role, System


def artifact(system: System, name: str, base: str = "") -> tuple[Mapping[str, Any], bytes]:
    """What the API says of the newest artifact of a distribution, and the bytes that it gives out."""
    (build,) = system.get(f"/api/v1/builds?name={name}&state=succeeded&limit=200", base)["items"]
    found: Mapping[str, Any] = build["artifact"]
    with urllib.request.urlopen((base or system.api) + found["url"], timeout=30) as answer:  # noqa: S310
        return found, answer.read()


async def address(system: System, api: Role) -> str:
    found = await system.until(lambda: re.search(r"http://127\.0\.0\.1:\d+", api.said), "the API's address")
    return str(found.group())


async def test_a_system_moves_from_its_own_broker_to_a_cluster(system: System, tmp_path: Path) -> None:
    """`wombat up` built something; moved to three brokers, the API gives the same bytes, and what is new is built."""
    system.write("first")
    system.commit()
    up = system.start("up")
    await system.until_state("first", "succeeded")
    told, data = artifact(system, "first")
    with Cluster(tmp_path / "cluster") as cluster:
        cluster.start()
        moved = system.run("move", "--to", cluster.url)
        assert moved.returncode == exits.OK, moved.stderr
        assert "everything that records name is there" in moved.stderr
        assert "not checked: that programs are what their inputs give" in moved.stderr
        assert up.stop() == 0

        async with connect(cluster.url, role="test") as connection:
            for stream in (*(kv_stream(name) for name, _ in BUCKETS), OBJECT_STREAM, LOGS):
                info = await jetstream.api(connection, f"STREAM.INFO.{stream}", {})
                assert info["config"]["num_replicas"] == NODES

        env = {"WOMBAT_NATS": cluster.url, "WOMBAT_REPLICAS": "3", **COMMITS}
        for role in ("service", "builder", "watcher"):
            system.start(role, **env)
        base = await address(system, system.start("api", **env))
        await system.until_state("first", "succeeded", base=base)
        assert artifact(system, "first", base) == (told, data)
        assert hashlib.sha256(data).hexdigest() == told["sha256"]
        system.write("second")
        system.commit()
        (build,) = await system.until_state("second", "succeeded", base=base)
        assert len(build["attempts"]) == 1
        assert system.run("verify", **env).returncode == exits.OK


async def test_backup_verify_and_restore(system: System, tmp_path: Path) -> None:
    """The archive of one broker fills an empty one; damage is told with exit code 1, a second time is no error."""
    system.write("first")
    system.commit()
    up = system.start("up")
    await system.until_state("first", "succeeded")
    archive = str(tmp_path / "saved.tgz")

    saved = system.run("backup", archive, "-o", "json")
    assert saved.returncode == exits.OK, saved.stderr
    document = json.loads(saved.stdout)
    assert document["counts"]["builds"] == document["counts"]["distributions"] == 1
    assert document["left_out"] == []
    assert system.run("backup", archive).returncode == exits.REFUSED
    assert system.run("backup", archive, "--force").returncode == exits.OK
    again = system.run("restore", archive)
    assert again.returncode == exits.OK, "the records are those of the archive"
    assert "wrote nothing" in again.stderr
    assert up.stop() == 0

    empty = await TestBroker(tmp_path / "empty").start()
    try:
        env = {"WOMBAT_NATS": empty.url}
        assert system.run("verify", **env).returncode == exits.NOT_FOUND
        restored = system.run("restore", archive, **env)
        assert restored.returncode == exits.OK, restored.stderr
        good = system.run("verify", "-o", "json", **env)
        assert good.returncode == exits.OK
        assert json.loads(good.stdout)["flaws"] == []
        assert "every stored object has its digest and size" in good.stderr
        assert "`wombat rebuild ID --verify`" in good.stderr.splitlines()[-1]

        async with connect(empty.url, role="test") as connection:
            page = await jetstream.page(connection, OBJECT_STREAM, META_SUBJECTS, 0)
            await jetstream.purge(connection, OBJECT_STREAM, page.messages[0].subject)
        bad = system.run("verify", **env)
        assert bad.returncode == exits.FAILED
        assert "is missing" in bad.stdout
        assert "missing or damaged" in bad.stderr
    finally:
        await empty.stop()


async def test_what_is_no_archive_is_refused(system: System, broker: TestBroker, tmp_path: Path) -> None:
    """With a message that says so, and nothing is written."""
    (tmp_path / "wrong.tar").write_bytes(b"something else")
    env = {"WOMBAT_NATS": broker.url}
    told = system.run("restore", str(tmp_path / "wrong.tar"), **env)
    assert told.returncode == exits.FAILED
    assert "is not whole" in told.stderr
    assert system.run("restore", str(tmp_path / "nowhere.tar"), **env).returncode == exits.NOT_FOUND
    assert system.run("backup", str(tmp_path / "none.tar"), **env).returncode == exits.NOT_FOUND
    assert system.run("move", "--to", broker.url, WOMBAT_NATS=broker.url).returncode == exits.REFUSED
    assert system.run("verify", WOMBAT_NATS="nats://127.0.0.1:1").returncode == exits.UNREACHABLE
