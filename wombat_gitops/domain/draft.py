"""The text of a new manifest that was made for pipelines, in the form of `wombat fmt`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.manifest.format import format_manifest
from wombat_gitops.domain.model import CORE_MODULE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wombat_gitops.domain.contents import Component
    from wombat_gitops.domain.model import Module
    from wombat_gitops.domain.pipeline import Need
    from wombat_gitops.domain.providers import Provider

FIRST_VERSION: Final = "0.1.0"
SCHEMA_LINE: Final = "# yaml-language-server: $schema=../schemas/distribution.schema.json"
BASE_PACKAGE: Final = "pure"
"""Has what Benthos takes where a pipeline says nothing; a manifest names at least one package of Benthos."""
_MOST_TOLD: Final = 4
"""Components that are told beside a package."""


def name_from(stem: str) -> str:
    """A name for a distribution from that of a file; "" where nothing is left of it."""
    return re.sub(r"[^a-z0-9]+", "-", stem.lower(), flags=re.ASCII).strip("-")


def draft(
    name: str,
    core: Module,
    providers: Sequence[Provider],
    needs: Iterable[Need],
    *,
    description: str,
    platforms: Sequence[str] = (),
    schema: bool = True,
) -> str:
    """A manifest with these packages, each with the components it is there for.

    Args:
        schema: begin with the line by which editors find the schema.
    """
    wanted = sorted({need.component for need in needs if need.line})
    told = {each.package: _reason(each, providers, wanted) for each in providers}
    lines = [SCHEMA_LINE] if schema else []
    lines += ["apiVersion: wombat/v1", "kind: Distribution", f"name: {name}", f"version: {FIRST_VERSION}"]
    lines += [f"benthos: {core.version}"]
    own = [each for each in providers if each.module.path == CORE_MODULE]
    lines += ["packages:", *(f"  - {each.short}{told[each.package]}" for each in own)]
    lines += [] if own else [f"  - {BASE_PACKAGE}"]
    others = sorted({each.module for each in providers if each.module.path != CORE_MODULE})
    lines += ["modules:"] if others else []
    for module in others:
        lines += [f"  - module: {module.path}", f"    version: {module.version}", "    packages:"]
        lines += [f"      - {each.short}{told[each.package]}" for each in providers if each.module == module]
    lines += [f"description: {json.dumps(description, ensure_ascii=False)}"]
    lines += [f"platforms: [{', '.join(platforms)}]"] if platforms else []
    tags = sorted({tag for each in providers for tag in each.tags})
    lines += [f"tags: [{', '.join(tags)}]"] if tags else []
    lines += ["cgo: true"] if any(each.cgo for each in providers) else []
    text = "\n".join(lines) + "\n"
    return format_manifest(f"{name}.yaml", text.encode()).text or text


def _reason(provider: Provider, providers: Sequence[Provider], wanted: Sequence[Component]) -> str:
    """A comment with what a package alone, or first, is there for."""
    before = providers[: list(providers).index(provider)]
    first = [each for each in wanted if each in provider.components and not any(each in o.components for o in before)]
    if not first:
        return ""
    words = ", ".join(map(str, first[:_MOST_TOLD]))
    more = f", {len(first) - _MOST_TOLD} more" if len(first) > _MOST_TOLD else ""
    return f"  # {words}{more}"
