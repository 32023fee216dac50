"""Components of all distributions: list, search, one with its fields, and the schema for editors."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api import in_process
from tests.support.reference import GREP, MAPPING, STDIN, TINY, tell
from tests.support.stage import ARM, Stage, broken, built, declared, queued_build
from wombat_gitops.domain.model import Module, Withdrawal
from wombat_gitops.domain.records import StoredLog
from wombat_gitops.domain.reference import Reference

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

CORE = "github.com/redpanda-data/benthos/v4"
OLD = Reference((replace(STDIN, description="As it was", status="beta"),), "")


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    """`tiny` on a new Benthos, `old` on an older one, and one that has not been built."""
    stage = Stage(tmp_path)
    tiny = await tell(stage, built(queued_build(), b"tiny"), TINY)
    old = await tell(stage, built(queued_build(5, name="old", version="0.9.0"), b"old"), OLD)
    never = broken(queued_build(10, name="never"))
    await stage.put(tiny, old, never, declared(tiny), declared(never))
    await stage.put(declared(old, modules=(Module(CORE, "v4.9.0"),)))
    return stage


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with stage.running(), in_process(stage) as client:
        yield client


async def listed(client: httpx.AsyncClient, **parameters: object) -> list[tuple[str, str]]:
    answer = await client.get("/api/v1/components", params={key: str(value) for key, value in parameters.items()})
    assert answer.status_code == 200, answer.text
    return [(item["kind"], item["name"]) for item in answer.json()["items"]]


async def test_components_are_listed_by_kind_and_name(client: httpx.AsyncClient) -> None:
    """Everything that any distribution has, once, with those that have it."""
    page = (await client.get("/api/v1/components")).json()

    assert [(item["kind"], item["name"], item["distributions"]) for item in page["items"]] == [
        ("input", "stdin", ["old", "tiny"]),
        ("processor", "grep", ["tiny"]),
        ("processor", "mapping", ["tiny"]),
        ("bloblang-method", "slice", ["tiny"]),
    ]
    assert (page["total"], page["next"], page["complete"]) == (4, None, True)
    assert page["items"][0]["status"] == "stable", "the newest Benthos describes it"
    assert page["facets"]["kind"] == [
        {"value": "input", "count": 1},
        {"value": "processor", "count": 2},
        {"value": "bloblang-method", "count": 1},
    ]
    assert page["facets"]["distribution"] == [{"value": "old", "count": 1}, {"value": "tiny", "count": 4}]


async def test_filters_hold_together_and_facets_count_over_the_others(client: httpx.AsyncClient) -> None:
    """What a facet counts is what choosing it would find."""
    page = (await client.get("/api/v1/components", params={"kind": "processor", "status": "deprecated"})).json()

    assert [item["name"] for item in page["items"]] == ["grep"]
    assert page["facets"] == {
        "kind": [{"value": "processor", "count": 1}],
        "status": [{"value": "stable", "count": 1}, {"value": "deprecated", "count": 1}],
        "distribution": [{"value": "tiny", "count": 1}],
    }
    assert await listed(client, distribution="old") == [("input", "stdin")]
    assert await listed(client, distribution="old", status="beta") == [("input", "stdin")]
    assert await listed(client, package="pure") == [("processor", "grep"), ("processor", "mapping")]
    assert await listed(client, distribution="nobody") == []


async def test_pages_lead_through_everything_once(client: httpx.AsyncClient) -> None:
    """Following `next` gives what one large page gives, also of a search."""
    for query in ("", "?q=a"):
        whole = [item["name"] for item in (await client.get(f"/api/v1/components{query}")).json()["items"]]
        found, address = [], f"/api/v1/components{query}{'&' if query else '?'}limit=1"
        while address:
            page = (await client.get(address)).json()
            found += [item["name"] for item in page["items"]]
            address = page["next"]
        assert found == whole
        assert len(whole) > 2
    answer = await client.get("/api/v1/components?cursor=nonsense")
    assert answer.status_code == 422


async def test_one_component_has_fields_examples_and_variants(client: httpx.AsyncClient) -> None:
    """The newest Benthos describes it; another distribution's description is had by its name."""
    whole = (await client.get("/api/v1/components/processor/mapping")).json()
    assert whole["description"] == MAPPING.description
    assert whole["package"] == f"{CORE}/public/components/pure"
    assert [(field["path"], field["required"]) for field in whole["fields"]] == [("", True)]
    assert whole["examples"][0]["title"] == "Upper case"

    stdin: dict[str, Any] = (await client.get("/api/v1/components/input/stdin")).json()
    assert [(each["distribution"], each["version"], each["same_as_first"]) for each in stdin["variants"]] == [
        ("tiny", "1.0.0", True),
        ("old", "0.9.0", False),
    ]
    assert [field["path"] for field in stdin["fields"]] == ["scanner", "auto_replay_nacks"]
    assert stdin["fields"][1]["default"] == "true"
    other = (await client.get(stdin["variants"][1]["url"])).json()
    assert (other["description"], other["status"], other["distribution"]) == ("As it was", "beta", "old")

    method = (await client.get("/api/v1/components/bloblang-method/slice")).json()
    assert method["signature"] == ".slice(low, [high])"
    assert method["params"][1]["optional"] is True
    assert method["examples"][0]["results"] == [{"input": '{"value":"foo bar"}', "output": '{"v":"foo"}'}]


@pytest.mark.parametrize(
    ("address", "detail", "hint"),
    [
        ("processor/mapp", "no distribution has the processor `mapp`", "did you mean `processor mapping`?"),
        ("output/stdin", "no distribution has the output `stdin`", "did you mean `input stdin`?"),
        ("processor/grep?distribution=old", "`old` has no processor `grep`", "it is in `tiny`"),
    ],
)
async def test_a_component_that_is_not_there_names_what_is_near(
    client: httpx.AsyncClient, address: str, detail: str, hint: str
) -> None:
    """A typing error, another kind, another distribution."""
    answer = await client.get(f"/api/v1/components/{address}")
    assert (answer.status_code, answer.json()["detail"], answer.json()["hint"]) == (404, detail, hint)


async def test_a_build_tells_its_components_and_the_schema_for_editors(stage: Stage, client: httpx.AsyncClient) -> None:
    """The schema is the program's own text, for ever the same for a build, and asked anew for a distribution."""
    build = (await client.get("/api/v1/builds?name=tiny")).json()["items"][0]
    told = (await client.get(build["components_url"])).json()
    assert [(item["kind"], item["name"]) for item in told["items"]] == [
        (entry.kind, entry.name) for entry in TINY.entries
    ]
    schema = await client.get(told["config_schema_url"])
    assert (schema.headers["content-type"], schema.text) == ("application/schema+json", TINY.config_schema)
    assert schema.headers["etag"] == f'"sha256-{hashlib.sha256(TINY.config_schema.encode()).hexdigest()}"'
    assert "immutable" in schema.headers["cache-control"]
    short = await client.get(f"/api/v1/builds/{build['id'][:10]}/config-schema")
    assert short.headers["cache-control"] == "no-cache", "a beginning of an id may mean another build tomorrow"

    named = (await client.get("/api/v1/distributions/tiny")).json()["config_schema_url"]
    assert (await client.get("/api/v1/distributions/never")).json()["config_schema_url"] is None
    newest = await client.get(named)
    assert newest.text == TINY.config_schema
    assert newest.headers["cache-control"] == "no-cache"
    again = await client.get(newest.url.path, headers={"If-None-Match": newest.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("distributions/never/config-schema", "no program of `never` has told the schema of its configuration yet"),
        ("distributions/old/config-schema", "does not tell the schema of its configuration"),
        ("distributions/nobody/config-schema", "there is no distribution `nobody`"),
    ],
)
async def test_a_schema_that_is_not_there_says_why(client: httpx.AsyncClient, address: str, reason: str) -> None:
    """Not built, not told, not declared."""
    answer = await client.get(f"/api/v1/{address}")
    assert answer.status_code == 404
    assert reason in answer.json()["detail"]


async def test_a_build_that_was_not_asked_says_so(stage: Stage, client: httpx.AsyncClient) -> None:
    """A build for another platform succeeded, and has no reference."""
    other = built(queued_build(20, platform=ARM), b"arm")
    await stage.put(other)
    await stage.until(lambda: other.id in stage.catalog.known_builds())
    for what in ("components", "config-schema"):
        answer = await client.get(f"/api/v1/builds/{other.id}/{what}")
        assert (answer.status_code, "another platform" in answer.json()["hint"]) == (404, True)


async def test_what_changes_is_seen_at_once(stage: Stage, client: httpx.AsyncClient) -> None:
    """A new build, a withdrawn version, a lost artifact and a retired distribution change the next answer."""
    assert ("processor", "grep") in await listed(client)
    newer = await tell(stage, built(queued_build(60, version="1.1.0"), b"newer"), Reference((GREP,), ""))
    await stage.put(newer, declared(newer))
    await stage.until(lambda: newer.id in stage.catalog.known_builds())
    await stage.until(lambda: stage.catalog.distribution("tiny").version == "1.1.0")
    assert await listed(client) == [("input", "stdin"), ("processor", "grep")]

    await stage.put(declared(newer, withdrawn=Withdrawal("wrong", ("1.1.0",))))
    await stage.until(lambda: stage.catalog.distribution("tiny").withdrawn)
    assert ("processor", "mapping") in await listed(client), "the version before is the newest good one"

    await stage.put(declared(newer, retired=True))
    await stage.until(lambda: stage.catalog.distribution("tiny").retired)
    assert await listed(client) == [("input", "stdin")]


async def test_a_document_that_cannot_be_read_hides_no_other(stage: Stage, client: httpx.AsyncClient) -> None:
    """What is missing is said; its own address answers that it cannot be read, and the list goes on."""
    build = replace(built(queued_build(30, name="gone"), b"gone"), reference=StoredLog("0" * 64, 5))
    await stage.put(build, declared(build))
    await stage.until(lambda: "gone" in stage.catalog.known_distributions())
    page = (await client.get("/api/v1/components")).json()
    assert (page["total"], page["complete"]) == (4, False)
    garbage = StoredLog(await stage.store(b"no zlib"), 7)
    await stage.put(replace(build, reference=garbage))
    await stage.until(lambda: stage.catalog.build(build.id).reference == garbage)
    page = (await client.get("/api/v1/components")).json()
    assert (page["total"], page["complete"]) == (4, False)
    answer = await client.get(f"/api/v1/builds/{build.id}/components")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "application/problem+json")
