"""The watched repositories, one by one."""

from __future__ import annotations

from pathlib import Path

from tests.support.api import in_process
from tests.support.stage import Stage
from wombat_gitops.domain.catalogue import SourceRecord


async def test_one_source_is_as_in_the_list(tmp_path: Path) -> None:
    """A source has an address of its own; what is not watched is a problem that says so."""
    stage = Stage(tmp_path)
    await stage.put(SourceRecord("main", "https://git.invalid/catalogue", "main", "manifests", "4f3c2b1a"))
    await stage.put(SourceRecord("other", "https://git.invalid/other", "main", "manifests"))
    async with stage.running(), in_process(stage) as client:
        listed = (await client.get("/api/v1/sources")).json()["items"]
        one = await client.get("/api/v1/sources/other")
        none = await client.get("/api/v1/sources/nothing")

    assert one.json() == listed[1]
    assert one.json()["url"] == "https://git.invalid/other"
    assert (none.status_code, none.json()["code"]) == (404, "not-found")
