"""`wombat gc` against everything that runs, and the healing of an artifact that somebody tore away."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.system import COMMITS
from wombat_gitops.adapters.credentials import read_credentials
from wombat_gitops.adapters.nats.connection import connect
from wombat_gitops.adapters.nats.sweeping import NatsKeeper
from wombat_gitops.cli import exits
from wombat_gitops.cli.main import run

if TYPE_CHECKING:
    from tests.support.system import System


def test_without_a_broker_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--data", str(tmp_path), "--nats", "nats://127.0.0.1:1", "gc"]) == exits.UNREACHABLE
    assert "error" in capsys.readouterr().err


async def test_versions_go_as_told_and_a_lost_artifact_is_built_again(system: System) -> None:
    started = False
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        system.write(version=version)
        system.commit()
        if not started:
            # Commits alone: between a write and its commit the work tree would be a build of its own.
            env = {**COMMITS, "WOMBAT_KEEP_VERSIONS": "1", "WOMBAT_COLLECT_INTERVAL": "0"}
            started = bool(system.start("up", "--no-live", **env))
        await system.until_state("tiny", "succeeded", version=version)

    dry = system.run("gc", "--dry-run", "-o", "json")
    assert dry.returncode == exits.OK, dry.stderr
    told = json.loads(dry.stdout)
    assert sorted(each["version"] for each in told["retired"]) == ["1.0.0", "1.1.0"]
    assert told["refused"] == "2 of 3 artifacts would go, more than 30%"
    assert len(system.get("/api/v1/builds?name=tiny")["items"]) == 3

    refused = system.run("gc")
    assert refused.returncode == exits.REFUSED
    assert "2 of 3 artifacts would go" in refused.stderr
    assert "wombat gc --confirm" in refused.stderr

    done = system.run("gc", "--confirm")
    assert done.returncode == exits.OK, done.stderr
    assert "tiny 1.0.0 linux/amd64" in done.stdout
    assert "retention" in done.stdout
    await system.until(lambda: len(system.get("/api/v1/builds?name=tiny")["items"]) == 1, "the builds have gone")
    again = system.run("gc")
    assert (again.returncode, again.stdout) == (exits.OK, "")
    assert "nothing is to be cleared away" in again.stderr

    build = system.get("/api/v1/builds?name=tiny")["items"][0]
    sha256 = build["artifact"]["sha256"]
    note = json.loads((system.data / "up.json").read_text())
    known = read_credentials(Path(note["credentials"]))
    async with connect(note["nats"], role="test", credentials=known) as connection:
        keeper = NatsKeeper(connection)
        held = await keeper.find(sha256)
        assert held is not None
        assert await keeper.delete(held)

    def download() -> bytes:
        with urllib.request.urlopen(f"{system.api}/dl/sha256/{sha256}", timeout=30) as answer:  # noqa: S310
            return bytes(answer.read())

    with pytest.raises(urllib.error.HTTPError):  # nothing, and never wrong bytes
        download()
    await system.until(
        lambda: len(system.get(f"/api/v1/builds/{build['id']}")["attempts"]) == 2, "the build is at it again"
    )
    await system.until_state("tiny", "succeeded")
    assert len(download()) == build["artifact"]["size"]
