"""Manifests: YAML bytes in, distributions and exactly placed diagnostics out."""

from wombat_gitops.domain.manifest.reading import ManifestSet, Reading, read_all, read_manifest
from wombat_gitops.domain.manifest.schema import render_schema

__all__ = ["ManifestSet", "Reading", "read_all", "read_manifest", "render_schema"]
