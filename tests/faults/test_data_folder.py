"""The data folder is deleted while it is used, under real processes."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.system import COMMITS
from wombat_gitops.cli import exits
from wombat_gitops.domain.records import BuildState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.fleet import Fleet
    from tests.support.system import Role


def delete(folder: Path) -> None:
    """As `rm -rf` does: what is written into it meanwhile goes, too."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def renew(folder: Path) -> None:
    delete(folder)
    folder.mkdir()


def only_the_broker(folder: Path) -> None:
    delete(folder / "broker")


def only_the_store(folder: Path) -> None:
    delete(folder / "broker" / "store")


async def ended(role: Role, folder: Path) -> None:
    """It ends by itself, with code 6 and a message that names what is gone."""
    async with asyncio.timeout(60):
        while role.process.poll() is None:
            await asyncio.sleep(0.02)
    assert role.process.returncode == exits.REFUSED, role.said
    assert f"error: `{folder}" in role.said
    assert "was deleted or replaced while it was in use" in role.said


@pytest.mark.parametrize("away", [delete, renew, only_the_broker, only_the_store])
async def test_builds_succeeded_into_a_folder_that_was_deleted_under_wombat_up(
    fleet: Fleet, away: Callable[[Path], None]
) -> None:
    """Its broker writes on into files that have no name any more, so everything looks well and nothing is kept."""
    system = fleet.system
    system.write("slow", packages=["slow"], core=fleet.slow())
    system.commit()
    up = system.start("up", "--no-live", **COMMITS)

    await system.until(lambda: "slow 1.0.0 linux/amd64: compile" in up.said, "the compiler")
    away(system.data)
    await ended(up, system.data)
    assert "succeeded after" not in up.said


async def test_a_build_failed_since_the_folder_of_its_builder_was_deleted(fleet: Fleet) -> None:
    """It is given back at once, costs no try, and another builder does it."""
    fleet.start("service")
    data = fleet.system.folder / "other"
    data.mkdir()
    (data / "go").symlink_to((fleet.system.data / "go").resolve())
    builder = fleet.start("builder", WOMBAT_DATA=str(data))
    build = await fleet.request("slow", packages=["slow"], core=fleet.slow())
    await fleet.running()
    delete(data)
    await ended(builder, data)
    assert "data_folder_lost" in builder.said
    waiting = await fleet.client.get(build)
    assert (waiting.state, [each.ended_as for each in waiting.attempts]) == (BuildState.QUEUED, ["released"])
    fleet.start("builder")
    record = await fleet.until_ended(build)
    assert [each.ended_as for each in record.attempts] == ["released", "succeeded"]


async def test_apply_local_succeeded_into_a_folder_that_was_deleted(fleet: Fleet) -> None:
    """A result that nobody can fetch is none."""
    system = fleet.system
    system.write("slow", packages=["slow"], core=fleet.slow())
    system.commit()
    local = system.start("-C", str(system.repo), "apply", "--local", "-o", "json")

    def compiling() -> bool:
        (record,) = (system.data / "local" / "builds").glob("*.json")
        steps = json.loads(record.read_text())["value"]["attempts"][-1]["steps"]
        return bool(steps[-1]["step"] == "compile")

    await system.until(compiling, "the compiler")
    delete(system.data)
    await ended(local, system.data)
    assert '"succeeded"' not in local.said
