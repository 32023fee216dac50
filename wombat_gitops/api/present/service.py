"""Sources, builders and how the whole is, as the JSON of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.api.present.base import condition
from wombat_gitops.api.present.links import build_url
from wombat_gitops.api.views.service import BuilderView, BuilderWorkView, SourceView, StatusView, WorkView
from wombat_gitops.domain.catalogue import SourceLook, SourceRecord
from wombat_gitops.domain.lifecycle import BuildState
from wombat_gitops.domain.subjects import builder_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wombat_gitops.domain.catalogue import BuilderPresence
    from wombat_gitops.domain.lifecycle import BuildRecord
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.catalog_types import CatalogStatus


def source(record: SourceRecord, look: SourceLook | None) -> SourceView:
    """A watched source, and how it was last looked at."""
    look = look or SourceLook(record.id)
    return SourceView(
        id=record.id,
        url=record.url,
        ref=record.ref,
        folder=record.folder,
        revision=record.revision,
        checked_at=record.checked_at,
        manifests=record.manifests,
        invalid=record.invalid,
        conditions=[condition(each) for each in record.conditions],
        observed_revision=look.revision,
        observed_by=look.via if look.polled_at else "",
        polled_at=look.polled_at,
        due_at=look.due_at,
        pushed_at=look.pushed_at,
        verified=look.verified,
        signer=look.signer,
        status_error=look.status_error,
    )


def status(version: str, state: CatalogStatus, looks: Mapping[str, SourceLook]) -> StatusView:
    """How the whole is."""
    return StatusView(
        version=version,
        connected=state.connected,
        synced_at=state.synced_at,
        stale=state.stale,
        queued=state.queued,
        running=state.running,
        builders=[_builder(builder) for builder in state.builders],
        sources=[source(record, looks.get(record.id)) for record in state.sources],
        unreadable={store: list(keys) for store, keys in state.unreadable.items()},
    )


def builders(catalog: Catalog) -> list[BuilderWorkView]:
    """The builders that show signs of life, by id, with what each of them builds now."""
    work: dict[str, list[BuildRecord]] = {}
    for record in catalog.index.in_state(BuildState.RUNNING):
        if record.attempts:
            work.setdefault(record.attempt.builder, []).append(record)
    return [
        BuilderWorkView(
            **_builder(each).model_dump(),
            builds=[_work(record) for record in sorted(work.get(each.id, ()), key=lambda one: one.attempt.started_at)],
        )
        for each in catalog.builders()
    ]


def _work(record: BuildRecord) -> WorkView:
    step = record.step
    return WorkView(
        build=record.id,
        build_url=build_url(record.id),
        name=record.spec.name,
        version=record.spec.version,
        platform=str(record.spec.platform),
        started_at=record.attempt.started_at,
        step=step.step.value if step else "",
        step_started_at=step.started_at if step else None,
    )


def _builder(builder: BuilderPresence) -> BuilderView:
    return BuilderView(
        id=builder.id,
        name=builder_name(builder.id),
        host=builder.host,
        version=builder.version,
        workers=builder.workers,
        busy=builder.busy,
        started_at=builder.started_at,
        state=builder.state.value,
        reason=builder.reason,
        platforms=list(builder.can.platforms),
        cgo=list(builder.can.cgo),
        memory=builder.can.memory,
        labels=dict(builder.can.labels),
    )
