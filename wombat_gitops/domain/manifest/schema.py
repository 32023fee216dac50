"""The JSON Schema of a manifest, for editors and for `validation`."""

from __future__ import annotations

import json
from typing import Final

from wombat_gitops.domain.manifest.fields import MANIFEST
from wombat_gitops.domain.manifest.kinds import Json, schema_of

SCHEMA_ID: Final = "urn:wombat:schema:distribution:v1"


def manifest_schema() -> dict[str, Json]:
    """The schema (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Distribution",
        "description": "A distribution of Redpanda Benthos: one manifest, one set of programs.",
        **schema_of(MANIFEST),
    }


def render_schema() -> str:
    """The text of `schemas/distribution.schema.json`."""
    return json.dumps(manifest_schema(), indent=2, ensure_ascii=False) + "\n"
