"""Parts that several answers share."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from wombat_gitops.api.present.links import build_url, digest_url, download_url
from wombat_gitops.api.views.base import ArtifactInfo, ArtifactView, ConditionView, ModuleView, ValueView
from wombat_gitops.domain.errors import NotFound
from wombat_gitops.domain.hostlinks import file_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wombat_gitops.domain.catalogue import Condition
    from wombat_gitops.domain.model import Module
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.services.catalog import Catalog


def artifact(catalog: Catalog, record: BuildRecord) -> ArtifactView | None:
    """A build's file; by its name where that name leads to this very build, else by its digest."""
    if record.artifact is None:
        return None
    spec = record.spec
    try:
        named = catalog.published(spec.name, spec.version, spec.file_name).artifact == record.artifact
    except NotFound:
        named = False
    return ArtifactView(
        sha256=record.artifact.sha256,
        size=record.artifact.size,
        file_name=record.artifact.file_name,
        url=download_url(spec.name, spec.version, spec.file_name) if named else digest_url(record.artifact.sha256),
        withdrawn=withdrawal.reason if (withdrawal := catalog.withdrawal_of(record)) else "",
    )


def artifact_info(catalog: Catalog, record: BuildRecord) -> ArtifactInfo | None:
    """A file and the build that made it."""
    view = artifact(catalog, record)
    if view is None:
        return None
    return ArtifactInfo(
        **view.model_dump(),
        name=record.spec.name,
        version=record.spec.version,
        platform=str(record.spec.platform),
        build=record.id,
        build_url=build_url(record.id),
        digest_url=digest_url(view.sha256),
        checksum_url=f"{view.url}.sha256",
    )


def manifest_html_url(catalog: Catalog, source: str, revision: str, path: str) -> str:
    """Where people read a manifest at its commit on the git host; "" where that is not known."""
    record = catalog.known_sources().get(source)
    return file_url(record.url, revision, path, host=record.host) if record is not None and path else ""


def module(given: Module) -> ModuleView:
    """A module at an exact version."""
    return ModuleView(path=given.path, version=given.version)


def condition(given: Condition) -> ConditionView:
    """A named fact."""
    return ConditionView(
        type=given.type,
        status=given.status,
        reason=given.reason,
        message=given.message,
        revision=given.revision,
        since=given.since,
    )


def values(counts: Iterable[tuple[str, int]]) -> list[ValueView]:
    """Values to filter by, with how many have each."""
    return [_value(value, count) for value, count in counts]


@lru_cache(maxsize=4096)
def _value(value: str, count: int) -> ValueView:
    """Every list of distributions tells some hundred of them, mostly the same."""
    return ValueView(value=value, count=count)
