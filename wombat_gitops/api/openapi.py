"""The API's description (OpenAPI 3.1): `schemas/openapi.json` is this, and a test holds them in step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from wombat_gitops.api.problems import MEDIA_TYPE
from wombat_gitops.api.views.base import Problem
from wombat_gitops.api.views.builds import LogEnd, LogLine
from wombat_gitops.api.views.service import ChangeHint

if TYPE_CHECKING:
    from fastapi import FastAPI

_REFERENCE: Final = "#/components/schemas/{model}"
_BESIDE_ROUTES: Final = (Problem, LogLine, LogEnd, ChangeHint)
"""Models that no route returns as its own answer: problems, and the data of events."""

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
        description="What there is, what is inside it, how it was built. Read-only: GET and HEAD.",
        routes=app.routes,
    )
    _, definitions = models_json_schema([(model, "serialization") for model in _BESIDE_ROUTES], ref_template=_REFERENCE)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    document["components"]["schemas"] = dict(sorted({**schemas, **definitions["$defs"]}.items()))
    return document
