"""The API's description: whole, and with examples that are answers of a real application."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.api import in_process
from tests.support.examples import collect, render
from tests.support.stage import Stage
from wombat_gitops.api.examples import FILE

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[3] / "schemas" / "openapi.json").read_text())
OPERATIONS = {methods["get"]["operationId"]: methods["get"] for methods in DOCUMENT["paths"].values()}
_BINARY = "application/octet-stream"


async def test_examples_are_in_step(tmp_path: Path) -> None:
    """`python -m tests.support.examples` writes them anew; then the description has to be made anew too."""
    assert FILE.read_text() == render(await collect(tmp_path))


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_operation_is_described(operation: dict[str, Any]) -> None:
    """A short summary, words, a subject that is described too, and an example that fits its schema."""
    subjects = {tag["name"]: tag["description"] for tag in DOCUMENT["tags"]}
    assert 3 < len(operation["summary"]) < 120
    assert not operation["summary"].endswith(".")
    assert operation["description"]
    assert len(operation["tags"]) == 1
    assert all(subjects.get(tag) for tag in operation["tags"])
    for parameter in operation.get("parameters", ()):
        if parameter.get("in") == "path":
            jsonschema.validate(parameter["example"], parameter["schema"])
    for kind, content in operation["responses"].get("200", {}).get("content", {}).items():
        if kind == _BINARY or (kind == "text/plain" and _BINARY in operation["responses"]["200"]["content"]):
            continue
        assert content["example"], kind
        if "json" in kind:
            jsonschema.validate(content["example"], {**content["schema"], "components": DOCUMENT["components"]})


def test_the_document_says_whose_it_is() -> None:
    """Licence, contact and what holds for every route."""
    info = DOCUMENT["info"]
    assert info["license"] == {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
    assert info["contact"]["name"]
    assert "ETag" in info["description"]


def test_fields_are_described_once() -> None:
    """Every route of JSON refers to the one parameter."""
    reference = {"$ref": "#/components/parameters/fields"}
    with_it = {name for name, operation in OPERATIONS.items() if reference in operation.get("parameters", ())}

    assert {"list_distributions", "get_distribution", "get_status", "list_builds"} <= with_it
    assert not {"get_manifest", "get_log", "download", "get_feed"} & with_it
    assert not any(
        each.get("name") == "fields" for operation in OPERATIONS.values() for each in operation.get("parameters", ())
    )


async def test_documents_are_pages(tmp_path: Path) -> None:
    """Under the policy of the website, with a way back; their style sheet is ours, and nothing is sent twice."""
    stage = Stage(tmp_path)
    async with stage.running(), in_process(stage) as client:
        style = await client.get("/docs/style.css")
        for path in ("/docs/rules", "/docs/problems", "/docs/api"):
            page = await client.get(path)
            again = await client.get(path, headers={"If-None-Match": page.headers["etag"]})
            assert page.headers["content-type"].startswith("text/html")
            assert "style-src 'self'" in page.headers["content-security-policy"]
            assert 'href="/docs/style.css"' in page.text
            assert 'rel="icon" href="/favicon.svg"' in page.text, "or browsers ask for /favicon.ico"
            assert 'href="/"' in page.text
            assert "style=" not in page.text
            assert (again.status_code, (await client.head(path)).status_code) == (304, 200)
        api = (await client.get("/docs/api")).text

    assert style.headers["content-type"].startswith("text/css")
    assert all(f'id="{name}"' in api for name in OPERATIONS)
