"""Composing a distribution over HTTP: what there is to choose, the manifest, and where it is proposed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api import in_process
from tests.support.factories import NOW
from tests.support.stage import Stage, built, declared, queued_build
from wombat_gitops.api.context import Edge
from wombat_gitops.domain.catalogue import SourceRecord
from wombat_gitops.domain.contents import Component, Contents, ModuleContents, PackageContents, Presence
from wombat_gitops.domain.messages import encode
from wombat_gitops.domain.model import Module, Policy, Selection
from wombat_gitops.domain.records import StoredLog
from wombat_gitops.domain.sources import Host
from wombat_gitops.services.composing import Operator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

OWN = "example.com/plugins"
PACKAGE = f"{OWN}/public/components/lamp"
INSIDE = encode(
    Contents(
        (PackageContents(PACKAGE, OWN, Presence.PRESENT, "", "", (Component("output", "lamp"),), ("MPL-2.0",)),),
        (ModuleContents(OWN, "v1.2.0", ("MPL-2.0",)),),
    )
)
OF_THE_SOURCE = Policy("house", packages=Selection(deny=("example.com/...",)), path="manifests/house.yaml")
ELSEWHERE = Policy("other", packages=Selection(deny=("...",)), path="manifests/team/other.yaml")
GOOD = replace(built(queued_build(), b"good"), policies=(OF_THE_SOURCE, ELSEWHERE))
ASKED = "/api/v1/compose?name=edge&benthos=v4.77.0&connect=v4.105.0&package=io&package=pure&package=kafka"


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    good = replace(GOOD, contents=StoredLog(await stage.store(INSIDE), len(INSIDE)))
    core = Module("github.com/redpanda-data/benthos/v4", "v4.76.0")
    await stage.put(good, declared(good, modules=(core, Module(OWN, "v1.2.0"))))
    await stage.put(SourceRecord("main", "https://github.com/team/catalogue", "main", "manifests", "4f3c2b1a", NOW))
    return stage


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with stage.running(), in_process(stage) as client:
        await stage.until(lambda: stage.catalog.search("lamp"))
        yield client


async def asked(client: httpx.AsyncClient, address: str) -> Any:
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_choices_become_a_manifest_and_a_page_to_propose_it_on(client: httpx.AsyncClient) -> None:
    """Everything is there at once: text, licences, what each package is on each platform, and what to do next."""
    found = await asked(client, f"{ASKED}&platform=linux/amd64")
    assert found["manifest"].startswith("apiVersion: wombat/v1\nkind: Distribution\nname: edge\nversion: 0.1.0\n")
    assert (found["path"], found["blocked"], found["findings"]) == ("manifests/edge.yaml", False, [])
    assert found["licenses"] == ["Apache-2.0", "LicenseRef-Redpanda-Community-License", "MIT"]
    assert found["licenses_known"]
    kafka = next(each for each in found["packages"] if each["name"] == "kafka")
    assert "kafka_franz" in kafka["components"]["input"]
    assert kafka["platforms"] == {"linux/amd64": {"state": "present", "reason": "", "hint": ""}}
    assert found["pull_request"]["host"] == "github"
    assert found["pull_request"]["whole"]
    assert found["pull_request"]["url"].startswith(
        "https://github.com/team/catalogue/new/main?filename=manifests%2Fedge.yaml&value=apiVersion%3A%20wombat"
    )
    assert found["cli"][1] == "wombat lock manifests/edge.yaml"
    alone = await client.get(found["manifest_url"])
    assert alone.text == found["manifest"]
    assert alone.headers["content-disposition"].startswith('attachment; filename="edge.yaml";')


async def test_equal_questions_have_equal_answers(client: httpx.AsyncClient) -> None:
    first = await client.get(ASKED)
    again = await client.get(ASKED, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


async def test_findings_lead_to_their_lines_and_rules(client: httpx.AsyncClient) -> None:
    found = await asked(client, f"{ASKED}&name=tiny&package=couchbase&platform=linux/arm".replace("name=edge&", ""))
    assert found["blocked"]
    taken, stub = found["findings"]
    assert (taken["rule"], taken["line"], taken["help_url"]) == ("WOM-041", 3, "/docs/rules#WOM-041")
    assert (stub["rule"], stub["line"], stub["severity"]) == ("WOM-071", 10, "error")
    line = found["manifest"].splitlines()[stub["line"] - 1]
    assert line[stub["column"] - 1 : stub["end_column"] - 1] == "couchbase"


async def test_policies_of_the_source_are_held_against_it(client: httpx.AsyncClient) -> None:
    """What held for its builds holds here, where it is for the same folder; a policy of a team's folder does not."""
    found = await asked(client, f"{ASKED}&module={OWN}@v1.2.0&package={PACKAGE}")
    assert found["policies"] == ["house"]
    assert [each["rule"] for each in found["findings"]] == ["WOM-081"]


async def test_policies_and_hosts_of_the_operator_count(stage: Stage) -> None:
    """The operator says what software a host runs, and what holds for everybody."""
    await stage.put(SourceRecord("inner", "git@git.invalid:team/catalogue.git", "trunk", "manifests"))
    denied = Policy("operator", licenses=Selection(deny=("LicenseRef-Redpanda-Community-License",)))
    edge = Edge(operator=Operator((denied,), {"git.invalid": Host.GITLAB}))
    async with stage.running(), in_process(stage, edge=edge) as client:
        found = await asked(client, f"{ASKED}&source=inner")
        assert (found["policies"], [each["rule"] for each in found["findings"]]) == (["operator"], ["WOM-082"])
        assert found["pull_request"] == {
            "host": "gitlab",
            "url": "https://git.invalid/team/catalogue/-/new/trunk?file_name=manifests%2Fedge.yaml",
            "whole": False,
        }
        assert (await asked(client, ASKED))["source"] == ""  # of two sources none is meant
        assert (await client.get(f"{ASKED}&source=nobody")).status_code == 404


async def test_there_are_choices_of_builds_and_of_the_table(client: httpx.AsyncClient) -> None:
    found = await asked(client, "/api/v1/compose/choices")
    core, *others = found["modules"]
    assert [each["version"] for each in core["versions"]] == ["v4.77.0", "v4.76.0"]
    assert core["versions"][1]["distributions"] == ["tiny"]
    connect = next(each for each in others if each["module"].endswith("/connect/v4"))
    assert connect["versions"][0]["requires"] == {core["module"]: "v4.77.0"}
    packages = {each["package"]: each for each in found["packages"]}
    assert packages[PACKAGE]["components"] == {"output": ["lamp"]}
    assert (packages[PACKAGE]["licenses"], packages[PACKAGE]["not_on"]) == (["MPL-2.0"], [])
    couchbase = next(each for each in found["packages"] if each["name"] == "couchbase")
    assert couchbase["not_on"] == ["linux/arm/5", "linux/arm/6", "linux/arm/7"]
    zeromq = next(each for each in found["packages"] if each["name"] == "zeromq")
    assert zeromq["tags"] == ["x_benthos_extra"]
    amd = next(each for each in found["platforms"] if each["platform"] == "linux/amd64")
    assert (amd["usual"], amd["distributions"]) == (True, 1)
    assert found["sources"] == [
        {
            "id": "main",
            "url": "https://github.com/team/catalogue",
            "ref": "main",
            "folder": "manifests",
            "host": "github",
        }
    ]


async def test_what_is_inside_a_build_that_cannot_be_read_is_not_known(stage: Stage) -> None:
    """Contents that are gone are no reason to answer nothing."""
    await stage.put(replace(GOOD, contents=StoredLog("0" * 64, 10)))
    async with stage.running(), in_process(stage) as client:
        found = await asked(client, "/api/v1/compose/choices")
        assert PACKAGE not in {each["package"] for each in found["packages"]}


@pytest.mark.parametrize("query", ["name=a&nome=b", f"name={'x' * 101}", "cgo=perhaps", "&".join(["package=x"] * 151)])
async def test_what_is_no_question_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/api/v1/compose?{query}")).status_code == 422
