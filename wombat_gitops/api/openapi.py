"""The API's description (OpenAPI 3.1): `schemas/openapi.json` is this, and a test holds them in step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from wombat_gitops.api.examples import add_examples
from wombat_gitops.api.problems import MEDIA_TYPE
from wombat_gitops.api.sparse import DESCRIPTION, PARAMETER
from wombat_gitops.api.views.base import Problem
from wombat_gitops.api.views.builds import BuildEnd, LogEnd, LogLine
from wombat_gitops.api.views.service import ChangeHint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

_REFERENCE: Final = "#/components/schemas/{model}"
_BESIDE_ROUTES: Final = (Problem, LogLine, LogEnd, BuildEnd, ChangeHint)
"""Models that no route returns as its own answer: problems, and the data of events."""

_DESCRIPTION: Final = (
    "Read-only: GET and HEAD. Lists are `{items, next, total}`; `next` is the address of the next page. "
    "Every answer has a strong `ETag`. Errors are problem documents (RFC 9457)."
)
_TAGS: Final[Mapping[str, str]] = {
    "distributions": "What is declared by the manifests: the catalogue, versions, and what differs between them.",
    "components": "What all programs can do: inputs, outputs, processors and functions, with their documentation.",
    "packages": "Go packages used by the distributions here.",
    "search": "Distributions, packages and components at once.",
    "compose": "A manifest made of choices, judged as validation would.",
    "builds": "How programs were made: state, attempts, logs and contents.",
    "artifacts": "What a digest stands for.",
    "downloads": "Files by name and by digest, with their checksums.",
    "feeds and badges": "For readers of feeds, and for pages elsewhere.",
    "service": "How the service is: health, sources, builders, changes as they happen.",
}
_BEGINNING: Final = re.compile(r"[;:.](?:\s|$)")

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
    }
    for status, description in (("4XX", "The request has to change"), ("5XX", "Asking again later may work"))
}
"""What every route may answer instead."""


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of all routes of *app*."""
    document = get_openapi(
        title="Wombat GitOps",
        version="1",
        summary="What there is, what is inside it, how it was built.",
        description=_DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": description} for name, description in _TAGS.items()],
        contact={"name": "Whoever runs this server"},
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    )
    document.setdefault("components", {})["parameters"] = {PARAMETER: dict(DESCRIPTION)}
    for methods in document["paths"].values():
        operation = methods["get"]
        if operation["summary"] == operation["operationId"].replace("_", " ").title():
            operation["summary"] = _BEGINNING.split(operation["description"])[0].rstrip(".")
    add_examples(document["paths"])
    _, definitions = models_json_schema([(model, "serialization") for model in _BESIDE_ROUTES], ref_template=_REFERENCE)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    document["components"]["schemas"] = dict(sorted({**schemas, **definitions["$defs"]}.items()))
    return document
