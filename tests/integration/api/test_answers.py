"""Lists, records, errors and headers of the read-only API, over HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.api import in_process, served
from tests.support.factories import ManualClock
from tests.support.stage import Stage, broken, built, declared, presence, queued_build, running_build
from wombat_gitops.api.app import create_app
from wombat_gitops.api.headers import DATA_POLICY
from wombat_gitops.api.openapi import describe
from wombat_gitops.domain.catalogue import SourceRecord
from wombat_gitops.domain.contents import Component, Contents, ModuleContents, NativePackage, PackageContents, Presence
from wombat_gitops.domain.manifest.rules import RULES
from wombat_gitops.domain.messages import encode
from wombat_gitops.domain.model import Exclusion, Module, Replace, Retention
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import Step, StoredLog
from wombat_gitops.ports import Corrupt
from wombat_gitops.services.downloads import Downloads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

ROOT = Path(__file__).parents[3]
GOOD = built(queued_build(), b"good bytes")
BAD = broken(queued_build(10, name="other"))
WAITING = queued_build(20, name="waiting")
RUNNING = running_build(queued_build(30, name="busy"), Step.FETCH, Step.COMPILE)


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    await stage.put(GOOD, BAD, WAITING, RUNNING, declared(GOOD), declared(BAD), declared(WAITING), presence())
    await stage.put(declared(queued_build(name="old"), retired=True, targets=()))
    await stage.put(SourceRecord("main", "https://git.invalid/catalogue", "main", "manifests", "4f3c2b1a"))
    return stage


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with stage.running(), in_process(stage) as client:
        yield client


async def test_the_index_leads_everywhere(client: httpx.AsyncClient) -> None:
    """Every address in the index answers."""
    index = (await client.get("/api/v1")).json()
    for name in ("distributions", "builds", "sources", "status", "openapi"):
        assert (await client.get(index[name])).status_code == 200


async def test_distributions_are_listed_with_what_can_be_downloaded(client: httpx.AsyncClient) -> None:
    """The catalogue shows name, health, platforms and files."""
    page = (await client.get("/api/v1/distributions?retired=true")).json()

    assert [(item["name"], item["sync"], item["health"]) for item in page["items"]] == [
        ("old", "Unknown", "Missing"),
        ("other", "OutOfSync", "Degraded"),
        ("tiny", "Synced", "Healthy"),
        ("waiting", "OutOfSync", "Progressing"),
    ]
    tiny = page["items"][2]
    assert tiny["core"] == "v4.76.0"
    assert tiny["platforms"][0]["artifact"]["url"] == "/dl/tiny/1.0.0/tiny_1.0.0_linux_amd64"
    assert page["items"][0]["retired"] is True


async def test_what_is_retired_is_not_in_the_list_and_not_in_its_total(client: httpx.AsyncClient) -> None:
    """Unless somebody asks for it; the answer says that there is more."""
    page = (await client.get("/api/v1/distributions")).json()
    assert [item["name"] for item in page["items"]] == ["other", "tiny", "waiting"]
    assert (page["total"], page["retired"]) == (3, 1)


async def test_facets_say_what_a_further_filter_would_leave(client: httpx.AsyncClient) -> None:
    """Each kind is counted over the other filters, so that another value of it can be chosen."""
    page = (await client.get("/api/v1/distributions?state=Healthy")).json()
    assert [item["name"] for item in page["items"]] == ["tiny"]
    states = {each["value"]: each["count"] for each in page["facets"]["state"]}
    assert states == {"OutOfSync": 2, "Degraded": 1, "Healthy": 1, "Progressing": 1, "Synced": 1}
    assert page["facets"]["platform"] == [{"value": "linux/amd64", "count": 1}]


async def test_one_distribution(client: httpx.AsyncClient) -> None:
    """A distribution has its manifest, modules and versions; every link in it works."""
    tiny = (await client.get("/api/v1/distributions/tiny")).json()

    manifest = await client.get("/api/v1/distributions/tiny/manifest")
    assert manifest.text == tiny["manifest"]
    assert manifest.headers["content-type"] == "application/yaml; charset=utf-8"
    assert tiny["versions"][0]["artifacts"]["linux/amd64"]["sha256"] == GOOD.artifact.sha256  # type: ignore[union-attr]
    assert (await client.get(tiny["url"])).json() == tiny
    assert (await client.get(tiny["platforms"][0]["build_url"])).json()["id"] == GOOD.id


async def test_one_build(client: httpx.AsyncClient) -> None:
    """A failed build names the culprit and the first error; a running one its step; a queued one its place."""
    failed = (await client.get(f"/api/v1/builds/{BAD.id[:8]}")).json()
    running = (await client.get(f"/api/v1/builds/{RUNNING.id}")).json()
    queued = (await client.get(f"/api/v1/builds/{WAITING.id}")).json()

    assert failed["failure"]["culprit"] == "github.com/example/plugin"
    assert failed["failure"]["tail"][-1] == "plugin.go:12:9: undefined: service.NewThing"
    assert [step["step"] for step in running["attempts"][0]["steps"]] == ["fetch", "compile"]
    assert running["attempts"][0]["steps"][1]["seconds"] is None
    assert (queued["position"], queued["waiting_for"]) == (1, "a builder is about to take it")


async def test_builds_are_paged_by_address(client: httpx.AsyncClient) -> None:
    """`next` is a whole address that keeps the filters; the header Link says the same."""
    seen = []
    url: str | None = "/api/v1/builds?limit=1&q=1.0"
    while url:
        answer = await client.get(url)
        page = answer.json()
        seen += [item["name"] for item in page["items"]]
        assert page["total"] == 4
        assert answer.headers.get("link", "") == (f'<{page["next"]}>; rel="next"' if page["next"] else "")
        url = page["next"]
    assert seen == ["busy", "waiting", "other", "tiny"]


async def test_an_artifact_is_known_by_its_digest(client: httpx.AsyncClient) -> None:
    """A digest leads to the build that made it."""
    assert GOOD.artifact is not None
    info = (await client.get(f"/api/v1/artifacts/{GOOD.artifact.sha256}")).json()

    assert (info["name"], info["build"], info["size"]) == ("tiny", GOOD.id, 10)
    assert info["checksum_url"] == "/dl/tiny/1.0.0/tiny_1.0.0_linux_amd64.sha256"


async def test_status_tells_builders_sources_and_age(client: httpx.AsyncClient) -> None:
    """Is it down? is answered in one request."""
    status = (await client.get("/api/v1/status")).json()

    assert (status["connected"], status["stale"], status["queued"], status["running"]) == (True, False, 1, 1)
    assert [builder["id"] for builder in status["builders"]] == ["builder-1"]
    assert [source["id"] for source in status["sources"]] == ["main"]
    assert (await client.get("/api/v1/sources")).json()["items"] == status["sources"]


async def test_an_unreadable_entry_is_reported(stage: Stage) -> None:
    """Status names the keys of entries that cannot be read; nothing else suffers."""
    async with stage.running() as catalog, served(stage) as client:
        catalog._sources.apply(Corrupt("bad", 99, "not json"))
        status = (await client.get("/api/v1/status")).json()

    assert status["unreadable"] == {"sources": ["bad"]}


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/distributions/tiny", "/api/v1/builds", "/api/v1/openapi.json"])
async def test_what_a_client_has_is_not_sent_again(client: httpx.AsyncClient, path: str) -> None:
    """A strong ETag answers 304, also in a list, also marked weak on the way; another one does not."""
    etag = (await client.get(path)).headers["etag"]

    assert etag.startswith('"sha256-')
    for known in (etag, f'"x", W/{etag}', "*"):
        answer = await client.get(path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert (await client.get(path, headers={"If-None-Match": '"x"'})).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/healthz",
        "/readyz",
        "/api/v1",
        "/api/v1/status",
        "/api/v1/events",
        f"/api/v1/builds/{RUNNING.id}/log/stream",
    ],
)
async def test_head_is_get_without_a_body(stage: Stage, path: str) -> None:
    """HEAD answers everywhere, at once, with no body."""
    async with stage.running(), served(stage) as client:
        answer = await client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/api/v1", "/api/v1/builds", "/api/v1/nothing", "/dl/a/b/c", "/healthz"])
async def test_everything_is_read_only(client: httpx.AsyncClient, method: str, path: str) -> None:
    """No other method than GET and HEAD is allowed anywhere."""
    answer = await client.request(method, path)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert answer.json()["code"] == "method-not-allowed"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/nothing", 404, "not-found"),
        ("/api/v2", 404, "not-found"),
        ("/assets/nothing.js", 404, "not-found"),
        ("/api/v1/distributions/nothing", 404, "not-found"),
        ("/api/v1/distributions/nothing/manifest", 404, "not-found"),
        ("/api/v1/distributions?limit=0", 422, "invalid-request"),
        ("/api/v1/distributions?sync=synced", 422, "invalid-request"),
        ("/api/v1/distributions?unknown=1", 422, "invalid-request"),
        ("/api/v1/builds?limit=201", 422, "invalid-request"),
        ("/api/v1/builds?platform=amiga/68k", 422, "invalid-request"),
        ("/api/v1/builds?state=done", 422, "invalid-request"),
        ("/api/v1/builds?cursor=foreign", 400, "refused"),
        ("/api/v1/builds/short", 404, "not-found"),
        (f"/api/v1/builds/{'f' * 64}", 404, "not-found"),
        (f"/api/v1/builds/{'f' * 64}/log", 404, "not-found"),
        (f"/api/v1/builds/{'f' * 64}/log/stream", 404, "not-found"),
        (f"/api/v1/builds/{BAD.id}/log?attempt=2", 404, "not-found"),
        (f"/api/v1/builds/{BAD.id}/log?attempt=0", 422, "invalid-request"),
        (f"/api/v1/builds/{BAD.id}/log?tail=x", 422, "invalid-request"),
        (f"/api/v1/builds/{BAD.id}/log/stream?attempt=2", 404, "not-found"),
        ("/api/v1/artifacts/nothing", 404, "not-found"),
        ("/dl/nothing/1.0.0/nothing", 404, "not-found"),
        ("/dl/sha256/nothing", 404, "not-found"),
    ],
)
async def test_every_error_is_a_problem_document(client: httpx.AsyncClient, path: str, status: int, code: str) -> None:
    """Errors have one shape, a constant title, a type that is explained, and the request's id."""
    answer = await client.get(path, headers={"X-Request-Id": "from-the-proxy"})

    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == body["request_id"] == "from-the-proxy"
    assert body["instance"] == path.partition("?")[0]
    page, _, anchor = body["type"].partition("#")
    assert f'id="{anchor}"' in (await client.get(page)).text
    if status == 422:
        assert body["errors"][0]["parameter"] in path


async def test_rules_have_a_page(client: httpx.AsyncClient) -> None:
    """Each can be linked; the page is not sent twice."""
    page = await client.get("/docs/rules")

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert all(f'id="{rule}"' in page.text for rule in RULES)
    again = await client.get("/docs/rules", headers={"If-None-Match": page.headers["etag"]})
    assert again.status_code == 304


async def test_contents_tell_what_is_inside(stage: Stage, client: httpx.AsyncClient) -> None:
    """Packages with components and licences, modules with what they replace; the same bytes are not sent twice."""
    pure = PackageContents(
        "example.com/one/pure", "example.com/one", Presence.PRESENT, "", "", (Component("input", "file"),), ("MIT",)
    )
    fork = ModuleContents("example.com/fork", "v1.2.3", ("Apache-2.0", "MIT"), "example.com/one")
    native = NativePackage("example.com/one/c", "example.com/fork", "v1.2.3", "example.com/one", ("a.syso",), ("c.go",))
    data = encode(Contents((pure,), (fork,), (native,)))
    record = replace(GOOD, contents=StoredLog(await stage.store(data), len(data)))
    await stage.put(record)
    await stage.until(lambda: stage.catalog.build(GOOD.id).contents)

    url = (await client.get(f"/api/v1/builds/{GOOD.id}")).json()["contents_url"]
    answer = await client.get(url)

    assert answer.json() == {
        "build": GOOD.id,
        "packages": [
            {
                "package": "example.com/one/pure",
                "module": "example.com/one",
                "components": [{"kind": "input", "name": "file"}],
                "licenses": ["MIT"],
            }
        ],
        "modules": [
            {
                "path": "example.com/fork",
                "version": "v1.2.3",
                "licenses": ["Apache-2.0", "MIT"],
                "replaces": "example.com/one",
            }
        ],
        "licenses": ["Apache-2.0", "MIT"],
        "native": [
            {
                "package": "example.com/one/c",
                "module": "example.com/fork",
                "version": "v1.2.3",
                "replaces": "example.com/one",
                "syso": ["a.syso"],
                "cgo": ["c.go"],
            }
        ],
    }
    assert (await client.get(url, headers={"If-None-Match": answer.headers["etag"]})).status_code == 304


async def test_contents_of_an_unfinished_build_are_not_known(client: httpx.AsyncClient) -> None:
    """Only what was built is known inside; the answer says where the build stands."""
    assert (await client.get(f"/api/v1/builds/{WAITING.id}")).json()["contents_url"] is None
    answer = await client.get(f"/api/v1/builds/{WAITING.id}/contents")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert "queued" in answer.json()["hint"]


async def test_a_distribution_tells_the_whole_of_its_manifest(stage: Stage, client: httpx.AsyncClient) -> None:
    """Replaces, exclusions, cgo and retention are there for those who read the API and not the manifest."""
    record = declared(
        GOOD,
        cgo=True,
        retention=Retention(versions=3),
        replaces=(Replace("example.com/a", "", Module("example.com/b", "v1.0.0")),),
        exclusions=(Exclusion((Platform("linux", "arm", "7"),), ("example.com/zmq",), "no library"),),
    )
    await stage.put(record)
    await stage.until(lambda: stage.catalog.distribution(record.name).cgo)
    body = (await client.get(f"/api/v1/distributions/{record.name}")).json()

    assert (body["cgo"], body["retention"]) == (True, {"versions": 3, "days": 0})
    assert body["replaces"] == [
        {"path": "example.com/a", "version": "", "by": {"path": "example.com/b", "version": "v1.0.0"}}
    ]
    assert body["exclusions"] == [
        {"platforms": ["linux/arm/7"], "packages": ["example.com/zmq"], "reason": "no library"}
    ]


async def test_a_strange_request_id_is_not_repeated(client: httpx.AsyncClient) -> None:
    """Only a short plain id is taken over from outside."""
    answer = await client.get("/healthz", headers={"X-Request-Id": "a b<script>"})
    assert "script" not in answer.headers["x-request-id"]


async def test_unready_is_told_apart_from_down(stage: Stage) -> None:
    """Before the first snapshot the process is healthy, not ready, and answers 503 with Retry-After."""
    async with served(stage) as client:
        assert (await client.get("/healthz")).status_code == 200
        for path in ("/readyz", "/api/v1/distributions", "/api/v1/builds", "/api/v1/events", "/dl/a/b/c"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
            assert int(answer.headers["retry-after"]) > 0
        assert (await client.get("/api/v1/status")).json()["stale"] is True


async def test_a_defect_tells_nothing_of_the_inside(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error is a 500 problem without its text, and the connection goes on."""
    async with stage.running() as catalog, served(stage) as client:
        monkeypatch.setattr(catalog, "distributions", lambda _: 1 / 0)
        answer = await client.get("/api/v1/distributions")
        again = await client.get("/healthz")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "division" not in answer.text
    assert answer.headers["content-security-policy"]
    assert again.status_code == 200


async def test_headers_keep_browsers_safe(client: httpx.AsyncClient) -> None:
    """Data cannot be taken for a page, framed, or sniffed."""
    headers = (await client.get("/api/v1")).headers

    assert headers["content-security-policy"] == DATA_POLICY
    assert "unsafe" not in DATA_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


async def test_there_is_no_other_documentation_page(client: httpx.AsyncClient) -> None:
    """No page of the API loads anything from elsewhere: the framework's own pages are off."""
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert "cdn" not in (await client.get(path)).text


def test_the_committed_description_is_in_step(tmp_path: Path) -> None:
    """`schemas/openapi.json` is what the application describes itself as."""
    stage = Stage(tmp_path, ManualClock())
    app = create_app(
        catalog=stage.catalog, logs=stage.logs, downloads=Downloads(stage.objects, tmp_path / "cache"), site=None
    )

    described = json.dumps(describe(app), indent=2, ensure_ascii=False) + "\n"

    assert described == (ROOT / "schemas" / "openapi.json").read_text()


async def test_the_description_types_every_error(client: httpx.AsyncClient) -> None:
    """Each operation answers errors as `application/problem+json` with the schema Problem, and is GET."""
    document = (await client.get("/api/v1/openapi.json")).json()

    assert document["openapi"].startswith("3.1")
    for operations in document["paths"].values():
        assert set(operations) == {"get"}
        for status in ("4XX", "5XX"):
            content = operations["get"]["responses"][status]["content"]
            assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
