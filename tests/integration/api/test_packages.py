"""Packages of all distributions, and the search over everything."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api import in_process
from tests.support.reference import TINY, tell
from tests.support.stage import ARM, Stage, broken, built, declared, queued_build
from wombat_gitops.domain.contents import Component, Contents, ModuleContents, PackageContents, Presence
from wombat_gitops.domain.messages import encode
from wombat_gitops.domain.model import Module
from wombat_gitops.domain.records import BuildRecord, StoredLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

KAFKA = "e.com/m/v4/public/components/kafka"
SQL = "e.com/m/v4/public/components/sql"
FRANZ = (Component("input", "kafka_franz"), Component("output", "kafka_franz"))
NEW, OLD = Module("e.com/m/v4", "v4.10.0"), Module("e.com/m/v4", "v4.9.0")


def contents(*, sql: Presence = Presence.PRESENT) -> Contents:
    present = sql is Presence.PRESENT
    return Contents(
        (
            PackageContents(KAFKA, NEW.path, Presence.PRESENT, components=FRANZ, licenses=("Apache-2.0",)),
            PackageContents(
                SQL,
                NEW.path,
                sql,
                reason="" if present else "it needs C",
                components=(Component("processor", "sql_raw"),) if present else (),
                licenses=("MIT",),
            ),
        ),
        (
            ModuleContents(NEW.path, NEW.version, ("Apache-2.0", "MIT")),
            ModuleContents("e.com/x", "v1.0.0", ("MPL-2.0",)),
        ),
    )


async def inside(stage: Stage, build: BuildRecord, what: Contents) -> BuildRecord:
    data = encode(what)
    return replace(build, contents=StoredLog(await stage.store(data), len(data)))


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    """`tiny` is built for two platforms, `old` has an older module and was never built, `gone` is retired."""
    stage = Stage(tmp_path)
    both = (KAFKA, SQL)
    amd = await inside(stage, built(queued_build(packages=both), b"tiny"), contents())
    amd = await tell(stage, amd, TINY)
    arm = built(queued_build(1, platform=ARM, packages=both), b"arm")
    arm = await inside(stage, arm, contents(sql=Presence.STUB))
    old = broken(queued_build(5, name="old", packages=(KAFKA,)))
    gone = queued_build(6, name="gone", packages=("e.com/gone",))
    await stage.put(amd, arm, old, declared(amd, arm, modules=(NEW,)), declared(old, modules=(OLD,)))
    await stage.put(declared(gone, retired=True))
    return stage


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with stage.running(), in_process(stage) as client:
        await stage.until(lambda: stage.catalog.search("sql_raw"))
        yield client


async def asked(client: httpx.AsyncClient, path: str, **parameters: object) -> Any:
    answer = await client.get(f"/api/v1/{path}", params={key: str(value) for key, value in parameters.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_packages_are_listed_with_who_has_them(client: httpx.AsyncClient) -> None:
    """Those of retired distributions are not; what was built says what is in them."""
    page = await asked(client, "packages")
    assert page["total"] == 2
    kafka = page["items"][0]
    assert kafka == {
        "package": KAFKA,
        "name": "kafka",
        "module": "e.com/m/v4",
        "versions": ["v4.10.0", "v4.9.0"],
        "licenses": ["Apache-2.0"],
        "component_count": 2,
        "distributions": ["old", "tiny"],
        "url": f"/api/v1/packages/{KAFKA}",
        "html_url": f"/packages/{KAFKA}",
    }
    assert page["facets"] == {
        "license": [{"value": "Apache-2.0", "count": 1}, {"value": "MIT", "count": 1}],
        "module": [{"value": "e.com/m/v4", "count": 2}],
    }


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"q": "kafka"}, ["kafka"]),
        ({"q": "kafka franz"}, ["kafka"]),
        ({"q": "sql_raw"}, ["sql"]),
        ({"q": "components"}, ["kafka", "sql"]),
        ({"q": "zzz"}, []),
        ({"license": "MIT"}, ["sql"]),
        ({"distribution": "old"}, ["kafka"]),
        ({"module": "e.com/m/v4", "distribution": "tiny"}, ["kafka", "sql"]),
        ({"module": "e.com/gone"}, []),
    ],
)
async def test_packages_are_filtered(client: httpx.AsyncClient, parameters: dict[str, str], names: list[str]) -> None:
    """Every filter that is set must hold."""
    assert [item["name"] for item in (await asked(client, "packages", **parameters))["items"]] == names


async def test_pages_of_packages_go_on_where_the_one_before_ended(stage: Stage, client: httpx.AsyncClient) -> None:
    """Also when what it ended with is gone."""
    first = await asked(client, "packages", limit=1)
    assert [item["name"] for item in first["items"]] == ["kafka"]
    changed = declared(queued_build(packages=(SQL,)), modules=(NEW,))
    version = stage.catalog.version
    await stage.put(changed, declared(queued_build(name="old"), packages=(SQL,)))
    await stage.until(lambda: stage.catalog.version >= version + 2)
    rest = (await client.get(first["next"])).json()
    assert ([item["name"] for item in rest["items"]], rest["next"], rest["total"]) == (["sql"], None, 1)


@pytest.mark.parametrize("path", [SQL, SQL.replace("/", "%2F")])
async def test_a_package_tells_where_it_is_of_use(client: httpx.AsyncClient, path: str) -> None:
    """With slashes as they are or encoded: the components, and the platforms that it says nothing on."""
    package = (await client.get(f"/api/v1/packages/{path}")).json()
    assert package["components"] == [
        {
            "kind": "processor",
            "name": "sql_raw",
            "url": "/api/v1/components/processor/sql_raw",
            "html_url": "/components/processor/sql_raw",
        }
    ]
    assert package["uses"] == [
        {
            "distribution": "tiny",
            "distribution_version": "1.0.0",
            "version": "v4.10.0",
            "platforms": ["linux/amd64"],
            "absent": [{"platform": "linux/arm64", "reason": "it needs C", "hint": ""}],
            "url": "/api/v1/distributions/tiny",
            "html_url": "/d/tiny",
        }
    ]
    assert (await client.get(package["builds_url"])).json()["total"] == 2


async def test_an_unknown_package_gets_its_neighbours(client: httpx.AsyncClient) -> None:
    """A short name leads to the whole path."""
    answer = await client.get("/api/v1/packages/kafca")
    assert (answer.status_code, answer.json()["hint"]) == (404, f"did you mean `{KAFKA}`?")


async def test_distributions_are_found_by_licences_that_are_compiled_in(client: httpx.AsyncClient) -> None:
    """Also those of modules that nobody listed; facets count them."""
    page = await asked(client, "distributions", license="MPL-2.0")
    assert [item["name"] for item in page["items"]] == ["tiny"]
    assert {"value": "MPL-2.0", "count": 1} in page["facets"]["license"]


async def test_the_search_finds_everything_by_group(client: httpx.AsyncClient) -> None:
    """Distributions by what is in them, packages by what they register, components by name."""
    answer = await asked(client, "search", q="kafka franz")
    assert [(group["kind"], group["total"]) for group in answer["groups"]] == [
        ("distribution", 1),
        ("package", 1),
        ("component", 0),
    ]
    assert answer["groups"][1]["items"] == [
        {
            "kind": "package",
            "name": "kafka",
            "text": KAFKA,
            "url": f"/api/v1/packages/{KAFKA}",
            "html_url": f"/packages/{KAFKA}",
        }
    ]
    grep = (await asked(client, "search", q="Grep"))["groups"][2]
    assert [(hit["kind"], hit["name"], hit["html_url"]) for hit in grep["items"]] == [
        ("processor", "grep", "/components/processor/grep")
    ]
    for group in answer["groups"]:
        assert (await client.get(group["url"])).json()["total"] == group["total"]
        for hit in group["items"]:
            assert (await client.get(hit["url"])).status_code == 200


@pytest.mark.parametrize(("typed", "meant"), [("kafak", "kafka"), ("tinny", "tiny"), ("gerp", "grep")])
async def test_a_slip_is_met_with_what_was_meant(client: httpx.AsyncClient, typed: str, meant: str) -> None:
    """Names of all three groups are near."""
    answer = await asked(client, "search", q=typed)
    assert (answer["total"], answer["did_you_mean"][0]) == (0, meant)


async def test_a_search_for_nothing_is_refused(client: httpx.AsyncClient) -> None:
    """It would be the whole catalogue; marks alone find nothing."""
    assert (await client.get("/api/v1/search?q=")).status_code == 422
    assert (await asked(client, "search", q="-_/"))["total"] == 0


async def test_a_document_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    """What is known of the others is told meanwhile, and what manifests say."""
    stage = Stage(tmp_path)
    good = await inside(stage, built(queued_build(packages=(KAFKA,)), b"x"), contents())
    lost = replace(built(queued_build(name="lost", packages=(SQL,)), b"y"), contents=StoredLog("0" * 64, 10))
    await stage.put(good, lost, declared(good, modules=(NEW,)), declared(lost, modules=(NEW,)))
    async with stage.running(), in_process(stage) as client:
        await stage.until(lambda: stage.catalog.search("kafka_franz"))
        items = (await asked(client, "packages"))["items"]
        assert [(item["name"], item["component_count"]) for item in items] == [("kafka", 2), ("sql", 0)]
