"""JetStream of another domain: roles that connect to a leaf node work on the streams of its hub."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.nats_server import NatsServer
from tests.support.ports import free_port
from wombat_gitops.adapters.credentials import read_credentials
from wombat_gitops.adapters.nats import infrastructure, jetstream
from wombat_gitops.adapters.nats.client import NatsBuildClient
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.connection import connect
from wombat_gitops.adapters.nats.objects import NatsObjects
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.cli import exits
from wombat_gitops.domain import subjects
from wombat_gitops.domain.access import STREAMS
from wombat_gitops.domain.errors import Denied, Unreachable
from wombat_gitops.domain.messages import Lease
from wombat_gitops.wiring import auth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.system import System

BUILD = "b" * 64


class Leaf:
    """A hub with the JetStream domain `hub`, and a leaf node of it."""

    def __init__(self, stack: ExitStack, folder: Path, leaf: str = "", hub: str = "", login: str = "") -> None:
        port = free_port()
        jetstream = 'jetstream { store_dir: "$STORE", domain: hub }'
        listen = f"leafnodes {{ port: {port}, host: 127.0.0.1 }}"
        remote = f'leafnodes {{ remotes: [ {{ url: "nats://127.0.0.1:{port}"{login} }} ] }}'
        self.hub = stack.enter_context(NatsServer(folder / "hub", f"{jetstream}\n{listen}\n{hub}"))
        self.leaf = stack.enter_context(NatsServer(folder / "leaf", f"{remote}\n{leaf}"))
        self.leaf.until("Leafnode connection created")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def without_tls(access: Path) -> str:
    """The users of a broker as `wombat auth init` writes them."""
    return re.sub(r"^tls: \{.*?^\}$", "", (access / auth.CONFIG).read_text(), flags=re.DOTALL | re.MULTILINE)


def test_a_leaf_node_without_the_setting(stack: ExitStack, system: System, tmp_path: Path) -> None:
    """Its message says that JetStream does not answer here, and names the setting."""
    made = Leaf(stack, tmp_path)
    service, builder = (system.run(role, WOMBAT_NATS=made.leaf.url) for role in ("service", "builder"))
    doctor = system.run("doctor", "-o", "json", WOMBAT_NATS=made.leaf.url)
    found = next(each for each in json.loads(doctor.stdout)["items"] if each["check"] == "broker")
    for done in (service, builder):
        printed = " ".join(done.stderr.split())
        assert done.returncode == exits.REFUSED
        assert "has no JetStream: `$JS.API.INFO` does not answer here" in printed
        assert "WOMBAT_NATS_DOMAIN" in printed
        assert found["message"] in printed
    assert found["verdict"] == "fail"


def test_a_domain_that_is_not_there(stack: ExitStack, system: System, tmp_path: Path) -> None:
    made = Leaf(stack, tmp_path)
    done = system.run("service", WOMBAT_NATS=made.leaf.url, WOMBAT_NATS_DOMAIN="hubb")
    assert done.returncode == exits.REFUSED
    assert "no JetStream with the domain `hubb`: `$JS.hubb.API.INFO` does not answer here" in " ".join(
        done.stderr.split()
    )


@pytest.mark.parametrize("leaf", ["", 'jetstream { store_dir: "$STORE", domain: edge }\nserver_name: edge'])
async def test_a_system_on_a_leaf_node(leaf: str, stack: ExitStack, system: System, tmp_path: Path) -> None:
    """Everything is built, logged, published and read over the leaf, also where that has streams of its own."""
    made = Leaf(stack, tmp_path, leaf)
    there = {"WOMBAT_NATS": made.leaf.url, "WOMBAT_NATS_DOMAIN": "hub"}
    system.env.update(there)
    system.write()
    system.commit()
    for role in ("service", "builder", "watcher"):
        system.start(role)
    api = system.start("api")
    found = await system.until(
        lambda: [line for line in api.said.splitlines() if "api_listening" in line], "the API listens"
    )
    base = found[0].partition("address=")[2].split()[0].strip("'")
    builds = await system.until_state("tiny", "succeeded", base=base)
    target = system.folder / "out"
    target.mkdir()
    done = system.run("download", "tiny", "-p", "linux/amd64", "--dir", str(target), WOMBAT_SERVER=base)
    assert done.returncode == 0, done.stderr
    checks = {each["check"]: each for each in json.loads(system.run("doctor", "-o", "json", **there).stdout)["items"]}
    assert [checks[name]["verdict"] for name in ("broker", "streams", "service")] == ["ok"] * 3
    saved = system.run("backup", str(tmp_path / "saved.tar"))
    assert saved.returncode == 0, saved.stderr
    assert system.run("verify").returncode == 0
    async with connect(made.hub.url, role="test") as connection:
        assert (await jetstream.stream_info(connection, subjects.LOGS)).last_sequence > 0
        record = await NatsBuildClient(connection).get(builds[0]["id"])
        assert record.artifact is not None
        assert await NatsObjects(connection, ObjectCommitter(connection)).size(record.artifact.sha256)


async def test_the_hub_itself_takes_the_setting(stack: ExitStack, tmp_path: Path) -> None:
    """Roles beside the hub and behind its leaf nodes can have the same settings."""
    made = Leaf(stack, tmp_path)
    async with connect(made.hub.url, role="service", domain="hub", prepare=infrastructure.ensure) as connection:
        store = NatsStore(connection, subjects.INPUTS, str)
        written = await store.create("a" * 64, "text")
        assert await store.get("a" * 64) == written
    async with connect(made.hub.url, role="service") as connection:
        assert await NatsStore(connection, subjects.INPUTS, str).get("a" * 64) == written


@pytest.mark.parametrize("label", ["service", "builder.one", "watcher", "api"])
async def test_roles_with_keys_behind_a_leaf_node(label: str, stack: ExitStack, tmp_path: Path) -> None:
    """The leaf logs in with the key of its role, and the role may do there what it may do at the hub, and no more."""
    access = tmp_path / "access"
    auth.init(access, ("one",), ("localhost",), "hub")
    auth.init(access, ("two",), ("localhost",))  # an earlier domain is kept
    config = without_tls(access)
    file = access / f"{label}.nk"
    admin, known = read_credentials(access / "admin.nk"), read_credentials(file)
    made = Leaf(stack, tmp_path, hub=config, login=f', nkey: "{known.seed}"')
    async with asyncio.timeout(60), connect(made.hub.url, role="admin", credentials=admin) as connection:
        await infrastructure.ensure(connection)
        await NatsStore(connection, subjects.BUILDS, dict).create(BUILD, {})
    async with (
        asyncio.timeout(60),
        connect(made.leaf.url, role=label.partition(".")[0], credentials=known, domain="hub") as connection,
    ):
        prepare = infrastructure.ensure if label == "service" else infrastructure.until_there
        await prepare(connection)
        assert await NatsStore(connection, subjects.BUILDS, dict).get(BUILD) is not None
        lease = NatsStore(connection, subjects.LEASES, Lease)
        if label == "builder.one":
            await lease.put(subjects.build_lease("one.1", BUILD), Lease("one.1", "claim"))
            with pytest.raises((Denied, Unreachable)):
                await NatsStore(connection, subjects.LEASES, Lease, seconds=1).put(
                    subjects.build_lease("two.1", BUILD), Lease("two.1", "claim")
                )
        if label == "watcher":
            await NatsStore(connection, subjects.SOURCES, str).put("one", "text")
        if label == "service":
            await NatsStore(connection, subjects.INPUTS, str).put("a" * 64, "text")


async def test_a_role_with_a_key_on_the_hub_itself(stack: ExitStack, tmp_path: Path) -> None:
    """Without the setting, a hub with a domain is a broker like any other; with it, `--domain` allows the names."""
    access = tmp_path / "access"
    auth.init(access, ("one",), ("localhost",), "hub")
    config = without_tls(access)
    hub = stack.enter_context(
        NatsServer(tmp_path / "hub", f'jetstream {{ store_dir: "$STORE", domain: hub }}\n{config}')
    )
    for domain in ("", "hub"):
        for label in ("service", "builder.one"):
            known = read_credentials(access / f"{label}.nk")
            async with asyncio.timeout(30), connect(hub.url, role="x", credentials=known, domain=domain) as connection:
                if label == "service":
                    await infrastructure.ensure(connection)
                    assert len([await jetstream.stream_info(connection, name) for name in STREAMS]) == len(STREAMS)
                else:
                    await infrastructure.until_there(connection)
                    lease = NatsStore(connection, subjects.LEASES, Lease)
                    await lease.put(subjects.build_lease("one.1", BUILD), Lease("one.1", "claim"))
                    page = await jetstream.page(connection, "KV_builds", "$KV.builds.>", 0)
                    assert page.messages == ()
