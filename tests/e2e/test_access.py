"""Each role with a key of its own, over TLS: all of them do their whole work."""

from __future__ import annotations

import re
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.support.access import GuardedBroker, guarded
from tests.support.system import COMMITS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.system import System


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[GuardedBroker]:
    yield from guarded(tmp_path)


async def test_a_fleet_with_keys(system: System, guard: GuardedBroker) -> None:
    """From a commit to a verified download, with the log that was followed, drained builders and a clearing."""
    system.write()
    system.commit()
    service = system.start("service", **guard.environment("service"))
    system.start("watcher", **guard.environment("watcher"))
    builder = system.start("builder", **guard.environment("builder.one"))
    api = system.start("api", **guard.environment("api"))
    found = await system.until(lambda: re.search(r"http://127\.0\.0\.1:\d+", api.said), "the API's address")
    (build,) = await system.until_state("tiny", "succeeded", base=found.group())
    with urllib.request.urlopen(f"{found.group()}/dl/sha256/{build['artifact']['sha256']}", timeout=30) as answer:  # noqa: S310
        assert len(answer.read()) == build["artifact"]["size"]
    with urllib.request.urlopen(f"{found.group()}/api/v1/builds/{build['id']}/log", timeout=30) as answer:  # noqa: S310
        assert b"==> succeeded" in answer.read()
    assert build["attempts"][0]["builder"].startswith("one.")

    listed = system.run("plan", **guard.environment("cli"))
    assert "tiny" in listed.stdout, listed.stderr
    for command in (["drain", "one"], ["gc", "--dry-run"], ["resume", "one"], ["verify"]):
        done = system.run(*command, **guard.environment("admin"))
        assert done.returncode == 0, done.stderr
    refused = system.run("drain", "one", **guard.environment("cli"))
    assert refused.returncode == 6, refused.stderr
    for role in (service, builder, api):
        assert "denied" not in role.said.lower(), role.said


@pytest.mark.timeout(400)
async def test_the_keys_that_a_rebuild_takes(system: System, guard: GuardedBroker) -> None:
    """A builder and an admin can, over TLS and without any right to write; the key of `cli` is refused."""
    system.write()
    system.commit()
    system.start("service", **guard.environment("service"))
    system.start("watcher", **guard.environment("watcher"), **COMMITS)
    system.start("builder", **guard.environment("builder.one"))
    api = system.start("api", **guard.environment("api"))
    found = await system.until(lambda: re.search(r"http://127\.0\.0\.1:\d+", api.said), "the API's address")
    (build,) = await system.until_state("tiny", "succeeded", base=found.group())

    done = system.run("rebuild", build["id"][:8], "--verify", **guard.environment("builder.two"))
    assert done.returncode == 0, done.stderr
    sha256 = build["artifact"]["sha256"]
    assert re.match(
        rf"equal  sha256 {sha256}  tiny 1\.0\.0 linux/amd64  rebuilt here in .*, sandbox \w+, go", done.stdout
    )
    unknown = system.run("rebuild", "0" * 64, "--verify", **guard.environment("admin"))
    assert unknown.returncode == 4, unknown.stderr
    for label in ("cli", "api"):
        refused = system.run("rebuild", build["id"], "--verify", **guard.environment(label))
        assert refused.returncode == 6, refused.stderr
        assert f"credentials of `{label}`, not of `admin` or `builder`" in refused.stderr


async def test_a_role_with_the_key_of_another(system: System, guard: GuardedBroker) -> None:
    """A mistake in the settings is told at once, before anything is asked of the broker."""
    done = system.run("watcher", **guard.environment("api"))
    assert done.returncode == 6
    assert "credentials of `api`" in done.stderr


async def test_a_builder_without_a_key(system: System, guard: GuardedBroker) -> None:
    """Without credentials nobody gets in, and it says what to do."""
    env = {name: value for name, value in guard.environment("builder.one").items() if name != "WOMBAT_CREDENTIALS"}
    done = system.run("builder", **env)
    assert done.returncode == 6, done.stderr
    assert "WOMBAT_CREDENTIALS" in done.stderr
