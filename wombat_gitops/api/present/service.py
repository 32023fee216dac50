"""Sources, builders and how the whole is, as the JSON of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.api.present.base import condition
from wombat_gitops.api.views.service import BuilderView, SourceView, StatusView
from wombat_gitops.domain.catalogue import SourceLook, SourceRecord
from wombat_gitops.domain.subjects import builder_name

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        builders=[
            BuilderView(
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
            for builder in state.builders
        ],
        sources=[source(record, looks.get(record.id)) for record in state.sources],
        unreadable={store: list(keys) for store, keys in state.unreadable.items()},
    )
