"""Manifests: YAML bytes in, distributions and exactly placed diagnostics out."""

from wombat_gitops.domain.manifest.reading import (
    ManifestSet,
    Parsed,
    Reading,
    combine,
    interpret,
    parse_manifest,
    read_all,
    read_manifest,
)
from wombat_gitops.domain.manifest.schema import render_schema, render_schemas
from wombat_gitops.domain.manifest.shared import Shared, gather

__all__ = [
    "ManifestSet",
    "Parsed",
    "Reading",
    "Shared",
    "combine",
    "gather",
    "interpret",
    "parse_manifest",
    "read_all",
    "read_manifest",
    "render_schema",
    "render_schemas",
]
