"""Versions, comparisons, and addresses that stay for the newest files, over HTTP."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api import in_process
from tests.support.stage import ARM, REVISION, Stage, broken, built, declared, queued_build
from wombat_gitops.domain.catalogue import SourceRecord
from wombat_gitops.domain.contents import Component, Contents, ModuleContents, PackageContents, Presence
from wombat_gitops.domain.messages import encode
from wombat_gitops.domain.model import Withdrawal
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import StoredLog
from wombat_gitops.domain.sources import Host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

CORE = "github.com/redpanda-data/benthos/v4"
OLD = built(queued_build(version="1.9.0"), b"old")
OLD_ARM = built(queued_build(1, version="1.9.0", platform=ARM), b"old arm")
NEW = built(queued_build(10, version="1.10.0", toolchain="1.26.7"), b"newer")


def inside(core: str, *names: str) -> bytes:
    found = tuple(Component("input", name) for name in names)
    package = PackageContents(f"{CORE}/public/components/io", CORE, Presence.PRESENT, components=found)
    return encode(Contents((package,), (ModuleContents(CORE, core, ("MIT",)),)))


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    before, after = inside("v4.76.0", "file", "stdin"), inside("v4.77.0", "file", "socket")
    old = replace(OLD, contents=StoredLog(await stage.store(before), len(before)))
    new = replace(NEW, contents=StoredLog(await stage.store(after), len(after)))
    await stage.put(old, OLD_ARM, new, declared(new))
    return stage


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with stage.running(), in_process(stage) as client:
        yield client


async def compared(client: httpx.AsyncClient, before: str, after: str) -> Any:
    answer = await client.get("/api/v1/compare", params={"from": before, "to": after})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_versions_are_listed_newest_first(client: httpx.AsyncClient) -> None:
    """1.10.0 is newer than 1.9.0; pages lead to each other; each item is what its own address tells."""
    first = (await client.get("/api/v1/distributions/tiny/versions?limit=1")).json()
    second = (await client.get(first["next"])).json()

    assert [first["items"][0]["version"], second["items"][0]["version"]] == ["1.10.0", "1.9.0"]
    assert (first["total"], second["next"], first["items"][0]["previous"]) == (2, None, "1.9.0")
    assert (await client.get(second["items"][0]["url"])).json() == second["items"][0]
    assert sorted(second["items"][0]["platforms"]) == ["linux/amd64", "linux/arm64"]


async def test_latest_leads_to_the_newest_and_is_never_cached(client: httpx.AsyncClient) -> None:
    """Of a platform that the newest version lacks it is the last good one."""
    for path, location in {
        "/api/v1/distributions/tiny/versions/latest": "/api/v1/distributions/tiny/versions/1.10.0",
        "/dl/tiny/latest/linux/amd64": "/dl/tiny/1.10.0/tiny_1.10.0_linux_amd64",
        "/dl/tiny/latest/linux/amd64.sha256": "/dl/tiny/1.10.0/tiny_1.10.0_linux_amd64.sha256",
        "/dl/tiny/latest/linux/arm64": "/dl/tiny/1.9.0/tiny_1.9.0_linux_arm64",
        "/dl/tiny/latest/SHA256SUMS": "/dl/tiny/1.10.0/SHA256SUMS",
    }.items():
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (307, location)
        assert answer.headers["cache-control"] == "no-store"
    for path in ("/dl/tiny/latest/plan9/386", "/dl/tiny/latest/linux/arm/7", "/dl/no/latest/linux/amd64"):
        assert (await client.get(path)).status_code == 404


async def test_latest_is_never_withdrawn(stage: Stage, client: httpx.AsyncClient) -> None:
    """A withdrawn version is passed over; where all are, that is what is told."""
    await stage.put(declared(NEW, withdrawn=Withdrawal("leaks", ("1.10.0",))))
    await stage.until(lambda: stage.catalog.distribution("tiny").withdrawn)
    location = (await client.get("/dl/tiny/latest/linux/amd64")).headers["location"]
    assert location == "/dl/tiny/1.9.0/tiny_1.9.0_linux_amd64"
    assert (await client.get("/dl/tiny/1.10.0/SHA256SUMS")).status_code == 410
    await stage.put(declared(NEW, withdrawn=Withdrawal("leaks", ())))
    await stage.until(lambda: stage.catalog.distribution("tiny").withdrawn == Withdrawal("leaks", ()))
    assert (await client.get("/dl/tiny/latest/linux/amd64")).status_code == 410


async def test_checksums_of_a_version(client: httpx.AsyncClient) -> None:
    """A line a platform, as `sha256sum -c` reads them."""
    assert OLD.artifact is not None
    assert OLD_ARM.artifact is not None
    text = (await client.get("/dl/tiny/1.9.0/SHA256SUMS")).text
    assert text == (
        f"{OLD.artifact.sha256}  tiny_1.9.0_linux_amd64\n{OLD_ARM.artifact.sha256}  tiny_1.9.0_linux_arm64\n"
    )


async def test_what_differs_is_told_and_turns_round(client: httpx.AsyncClient) -> None:
    """Core, toolchain, components and sizes; the other way round each change is turned."""
    there = await compared(client, "tiny@1.9.0", "tiny@latest")
    back = await compared(client, "tiny@1.10.0", "tiny@1.9.0")

    assert {each["name"]: (each["before"], each["after"]) for each in there["fields"]} == {
        "toolchain": ("1.26.6", "1.26.7"),
        "core": ("v4.76.0", "v4.77.0"),
    }
    assert there["components"] == {"added": ["input socket"], "removed": ["input stdin"]}
    assert there["modules"] == [{"name": CORE, "before": "v4.76.0", "after": "v4.77.0", "turn": "up"}]
    assert there["sizes"]["linux/amd64"] == {"before": 3, "after": 5}
    assert there["sizes"]["linux/arm64"] == {"before": 7, "after": None}
    counts = {name: count for name, count in there["summary"].items() if count}
    assert counts == {
        "modules_up": 1,
        "components_added": 1,
        "components_removed": 1,
        "size_before": 3,
        "size_after": 5,
    }
    assert (there["equal"], there["known_contents"], there["platform"]) == (False, True, "linux/amd64")
    turned = [{"name": e["name"], "before": e["after"], "after": e["before"], "turn": "up"} for e in back["fields"]]
    assert turned == there["fields"]
    assert back["components"] == {"added": ["input stdin"], "removed": ["input socket"]}
    assert (await compared(client, "tiny@1.9.0", "tiny@1.9.0"))["equal"] is True


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("from=tiny&to=tiny@1.9.0", 422),
        ("from=tiny@1.9.0&to=tiny@9.0.0", 404),
        ("from=tiny@1.9.0&to=tiny@1.10.0&platform=linux/arm64", 404),
        ("from=tiny@1.9.0", 422),
        ("from=tiny@1.9.0&to=tiny@1.9.0&more=1", 422),
    ],
)
async def test_what_cannot_be_compared_is_refused(client: httpx.AsyncClient, query: str, status: int) -> None:
    """Each with words that say what is missing."""
    answer = await client.get(f"/api/v1/compare?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_changelog_tells_each_version_against_the_one_before(stage: Stage, client: httpx.AsyncClient) -> None:
    """What a comparison of the two tells, page by page; the first version, and one that shares no platform: none."""
    lone = built(queued_build(20, version="2.0.0", platform=Platform.parse("windows/amd64")), b"lone")
    await stage.put(lone)
    await stage.until(lambda: lone.id in stage.catalog.known_builds())
    first = (await client.get("/api/v1/distributions/tiny/changelog?limit=2")).json()
    second = (await client.get(first["next"])).json()

    assert [each["version"] for each in (*first["items"], *second["items"])] == ["2.0.0", "1.10.0", "1.9.0"]
    assert (first["total"], second["next"]) == (3, None)
    assert first["items"][1]["changes"] == await compared(client, "tiny@1.9.0", "tiny@1.10.0")
    assert first["items"][0]["changes"] is None
    assert second["items"][0]["changes"] is None


async def test_changelog_stays_after_what_was_inside_is_gone(tmp_path: Path) -> None:
    """Contents that were cleared away make no error: nothing is said of what cannot be known."""
    stage = Stage(tmp_path)
    gone = replace(OLD, contents=StoredLog("0" * 64, 10))
    await stage.put(gone, NEW, declared(NEW))
    async with stage.running(), in_process(stage) as client:
        answer = await client.get("/api/v1/distributions/tiny/changelog")
        assert answer.status_code == 200
        changes = answer.json()["items"][0]["changes"]
        assert changes["known_contents"] is False
        assert [each["name"] for each in changes["fields"]] == ["toolchain"]


async def test_platforms_that_failed_are_told_with_their_cause(tmp_path: Path) -> None:
    """Also of an older version that has artifacts for other platforms, and only the newest try of each."""
    stage = Stage(tmp_path)
    failed = broken(queued_build(2, version="1.9.0", platform=ARM))
    again = broken(queued_build(3, version="1.9.0", platform=ARM, toolchain="1.26.5"))
    await stage.put(OLD, failed, again, NEW, declared(NEW))
    async with stage.running(), in_process(stage) as client:
        told = (await client.get("/api/v1/distributions/tiny/versions/1.9.0")).json()["platforms"]
    assert (told["linux/amd64"]["state"], told["linux/amd64"]["cause"]) == ("succeeded", "")
    assert (told["linux/arm64"]["build"], told["linux/arm64"]["artifact"]) == (again.id, None)
    assert told["linux/arm64"]["cause"] == "github.com/example/plugin: undefined: service.NewThing"


async def test_readme_is_told_as_it_was_written(tmp_path: Path) -> None:
    """Markdown with its own type; where there is none the hint says where it would be."""
    stage = Stage(tmp_path)
    other = built(queued_build(name="other"), b"other")
    await stage.put(NEW, other, declared(NEW, readme="# Tiny\n\nHello <b>you</b>.\n"), declared(other))
    async with stage.running(), in_process(stage) as client:
        assert (await client.get("/api/v1/distributions/other")).json()["readme_url"] is None
        answer = await client.get((await client.get("/api/v1/distributions/tiny")).json()["readme_url"])
        assert (answer.text, answer.headers["content-type"]) == (
            "# Tiny\n\nHello <b>you</b>.\n",
            "text/markdown; charset=utf-8",
        )
        missing = await client.get("/api/v1/distributions/other/readme")
    assert (missing.status_code, missing.json()["hint"]) == (
        404,
        "it would be `manifests/other.md`, beside its manifest",
    )


@pytest.mark.parametrize(
    ("host", "page"),
    [(Host.GITEA, f"https://git.invalid/team/catalogue/src/commit/{REVISION}/manifests/tiny.yaml"), (None, "")],
)
async def test_manifest_leads_to_its_commit_on_the_git_host(tmp_path: Path, host: Host | None, page: str) -> None:
    """A host whose software is known or was told; of others commit and path alone."""
    stage = Stage(tmp_path)
    await stage.put(NEW, declared(NEW))
    await stage.put(SourceRecord("main", "git@git.invalid:team/catalogue.git", "main", "manifests", host=host))
    async with stage.running(), in_process(stage) as client:
        for path in ("/api/v1/distributions/tiny", "/api/v1/distributions/tiny/versions/1.10.0"):
            assert (await client.get(path)).json()["manifest_html_url"] == page


async def test_distribution_without_any_version_has_empty_lists(tmp_path: Path) -> None:
    """Its manifest is gone and nothing was built: that is no error of the server."""
    stage = Stage(tmp_path)
    await stage.put(declared(queued_build(name="ancient"), retired=True, targets=()))
    async with stage.running(), in_process(stage) as client:
        for path in ("versions", "changelog"):
            answer = await client.get(f"/api/v1/distributions/ancient/{path}")
            assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None, "total": 0})


async def test_an_unknown_cursor_began_the_list_anew(client: httpx.AsyncClient) -> None:
    """Whoever pages on from what is gone is told so, and does not read the first page for ever."""
    for path in ("versions", "changelog"):
        answer = await client.get(f"/api/v1/distributions/tiny/{path}?cursor=9.9.9")
        assert (answer.status_code, answer.json()["code"]) == (400, "refused")
        assert "cursor" in answer.json()["detail"]


async def test_a_manifest_went_back_and_latest_meant_three_things(stage: Stage, client: httpx.AsyncClient) -> None:
    """Current is what git declares, newest is the highest version, and every surface means the same by `latest`."""
    await stage.put(declared(OLD, OLD_ARM))
    await stage.until(lambda: stage.catalog.distribution("tiny").version == "1.9.0")

    shown = (await client.get("/api/v1/distributions/tiny")).json()
    assert (shown["version"], shown["newest"]["version"], shown["latest"]["version"]) == ("1.9.0", "1.10.0", "1.9.0")
    assert shown["newest"]["revision"] == REVISION
    marks = {
        each["version"]: (each["current"], each["newest"], each["latest"])
        for each in (await client.get("/api/v1/distributions/tiny/versions")).json()["items"]
    }
    assert marks == {"1.10.0": (False, True, False), "1.9.0": (True, False, True)}
    for path, version in {
        "/api/v1/distributions/tiny/versions/latest": "1.9.0",
        "/dl/tiny/latest/linux/amd64": "1.9.0/tiny_1.9.0_linux_amd64",
        "/dl/tiny/latest/SHA256SUMS": "1.9.0/SHA256SUMS",
    }.items():
        assert (await client.get(path)).headers["location"].endswith(f"/{version}")
    assert ">1.9.0</text>" in (await client.get("/badge/tiny.svg?kind=version")).text
    assert (await compared(client, "tiny@1.10.0", "tiny@latest"))["after"]["version"] == "1.9.0"
    for path in ("/api/v1/distributions/tiny/versions/7.0.0", "/dl/tiny/7.0.0/file"):
        assert (await client.get(path)).json()["hint"] == "git declares `1.9.0`; the newest is `1.10.0`"


async def test_the_last_good_file_was_the_one_built_last(tmp_path: Path) -> None:
    """While the declared version has no file, `latest` is the highest version, though a lower one was built later."""
    stage = Stage(tmp_path)
    wanted = queued_build(40, version="1.11.0")
    rebuilt = built(queued_build(30, version="1.9.0", toolchain="1.26.8"), b"rebuilt")
    await stage.put(OLD, NEW, rebuilt, wanted, declared(wanted))
    async with stage.running(), in_process(stage) as client:
        location = (await client.get("/dl/tiny/latest/linux/amd64")).headers["location"]
        shown = (await client.get("/api/v1/distributions/tiny")).json()
        badge = (await client.get("/badge/tiny.svg?kind=version")).text
    assert location == "/dl/tiny/1.10.0/tiny_1.10.0_linux_amd64"
    assert shown["platforms"][0]["last_good"]["url"] == location
    assert (shown["latest"]["version"], shown["newest"]["version"]) == ("1.10.0", "1.11.0")
    assert ">1.10.0</text>" in badge
