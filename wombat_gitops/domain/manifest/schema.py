"""The JSON Schemas of manifests, for editors and for `validation`.

Draft-07, because editors understand it best (the advice of SchemaStore's contributors' guide).
"""

from __future__ import annotations

import json
from typing import Final

from wombat_gitops.domain.manifest.fields import KIND, RECORDS
from wombat_gitops.domain.manifest.kinds import Json, schema_of

_DRAFT: Final = "http://json-schema.org/draft-07/schema#"
_DESCRIPTIONS: Final = {
    KIND: "A distribution of Redpanda Benthos: one manifest, one set of programs.",
    "Defaults": "Values for every distribution in this folder and below that does not say otherwise.",
    "Library": "A named group of packages that distributions can take.",
    "Policy": "What the distributions in this folder and below may be made of.",
}


def kind_schema(kind: str) -> dict[str, Json]:
    """The schema of one kind of manifest."""
    return {
        "$schema": _DRAFT,
        "$id": f"urn:wombat:schema:{kind.lower()}:v1",
        "title": kind,
        "description": _DESCRIPTIONS[kind],
        **schema_of(RECORDS[kind]),
    }


def manifest_schema() -> dict[str, Json]:
    """The schema of a manifest of any kind, chosen by its field `kind`."""
    chosen: Json = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"title": kind, "description": _DESCRIPTIONS[kind], **schema_of(record)},
        }
        for kind, record in RECORDS.items()
    ]
    kinds: Json = {"enum": list(RECORDS), "title": "Kind", "description": "What this manifest declares."}
    return {
        "$schema": _DRAFT,
        "$id": "urn:wombat:schema:manifest:v1",
        "title": "Manifest of Wombat GitOps",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {"kind": kinds},
        "allOf": chosen,
    }


def render_schemas() -> dict[str, str]:
    """The texts of the files in `schemas/`, by name: one for each kind, and one for all."""
    schemas = {f"{kind.lower()}.schema.json": kind_schema(kind) for kind in RECORDS}
    schemas["manifest.schema.json"] = manifest_schema()
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


def render_schema() -> str:
    """The text of `schemas/distribution.schema.json`."""
    return render_schemas()["distribution.schema.json"]
