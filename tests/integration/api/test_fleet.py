"""The builders, and what each of them does."""

from __future__ import annotations

from pathlib import Path

from tests.support.api import in_process
from tests.support.stage import Stage, presence, queued_build, running_build
from wombat_gitops.domain.lifecycle import Step


async def test_builders_tell_what_they_build_now(tmp_path: Path) -> None:
    """Each builder has its own builds with their step; one that is free has none."""
    stage = Stage(tmp_path)
    running = running_build(queued_build(name="busy"), Step.FETCH, Step.COMPILE)
    await stage.put(running, queued_build(name="waiting"), presence(busy=1), presence("builder-2"))
    async with stage.running(), in_process(stage) as client:
        one, two = (await client.get("/api/v1/builders")).json()["items"]

    assert [(work["build"], work["name"], work["step"]) for work in one["builds"]] == [(running.id, "busy", "compile")]
    assert (one["id"], two["id"], two["builds"]) == ("builder-1", "builder-2", [])
