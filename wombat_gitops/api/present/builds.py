"""Builds, and what they are made of, as the JSON of the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wombat_gitops.api.present.base import artifact
from wombat_gitops.api.present.links import build_url
from wombat_gitops.api.views.base import ArtifactView
from wombat_gitops.api.views.builds import (
    AheadView,
    AttemptView,
    BuildDetail,
    BuildView,
    FailureView,
    NeedsView,
    QueueEntryView,
    StepView,
)
from wombat_gitops.api.views.contents import (
    ComponentView,
    ContentsView,
    ModuleContentsView,
    NativePackageView,
    PackageContentsView,
)

if TYPE_CHECKING:
    from wombat_gitops.domain.contents import Contents
    from wombat_gitops.domain.records import Attempt, BuildRecord, Failure
    from wombat_gitops.services.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Around:
    """What is told of a build beside its record."""

    position: int | None
    waiting_for: str
    artifact: ArtifactView | None


def around(catalog: Catalog, record: BuildRecord) -> Around:
    """What the catalogue says of a build now."""
    return Around(catalog.position(record), catalog.waiting_for(record), artifact(catalog, record))


def row(record: BuildRecord, around: Around) -> BuildView:
    """A build with all its attempts, from these two alone."""
    spec = record.spec
    url = build_url(record.id)
    return BuildView(
        id=record.id,
        name=spec.name,
        version=spec.version,
        platform=str(spec.platform),
        state=record.state.value,
        position=around.position,
        waiting_for=around.waiting_for,
        requested_at=record.requested_at,
        changed_at=record.changed_at,
        not_before=record.not_before,
        cancel_requested=record.cancel_requested,
        toolchain=spec.toolchain,
        packages=list(spec.packages),
        tags=list(spec.tags),
        date=spec.date,
        source=record.origin.source,
        revision=record.origin.revision,
        path=record.origin.path,
        tries_left=record.tries_left,
        attempts=[_attempt(url, attempt) for attempt in record.attempts],
        failure=_failure(record.failure),
        artifact=around.artifact,
        url=url,
        log_url=f"{url}/log",
        log_stream_url=f"{url}/log/stream",
        contents_url=contents_url(record),
        components_url=f"{url}/components" if record.reference else None,
    )


def detail(catalog: Catalog, record: BuildRecord) -> BuildDetail:
    """A build with its place in the queue."""
    known = around(catalog, record)
    place = queue_entry(catalog, record, known.position) if known.position is not None else None
    return BuildDetail(**row(record, known).model_dump(), queue=place, lost=record.lost)


def queue_entry(catalog: Catalog, record: BuildRecord, position: int) -> QueueEntryView:
    """A build that waits at *position* of the queue."""
    spec, needs = record.spec, record.needs
    return QueueEntryView(
        position=position,
        build=record.id,
        build_url=build_url(record.id),
        name=spec.name,
        version=spec.version,
        platform=str(spec.platform),
        source=record.origin.source,
        priority=record.priority,
        requested_at=record.requested_at,
        queued_at=record.changed_at,
        not_before=record.not_before,
        waiting_for=catalog.waiting_for(record),
        needs=NeedsView(cgo=spec.cgo, memory=needs.memory, labels=dict(needs.labels)),
        builders=catalog.lineup.takers(record),
        ahead=[AheadView(source=source, builds=count) for source, count in catalog.lineup.ahead(position)],
    )


def contents(identity: str, inside: Contents) -> ContentsView:
    """What a build's program is made of."""
    return ContentsView(
        build=identity,
        packages=[
            PackageContentsView(
                package=each.package,
                module=each.module,
                components=[ComponentView(kind=found.kind, name=found.name) for found in each.components],
                licenses=list(each.licenses),
            )
            for each in inside.packages
        ],
        modules=[
            ModuleContentsView(
                path=each.path, version=each.version, licenses=list(each.licenses), replaces=each.replaces
            )
            for each in inside.modules
        ],
        licenses=list(inside.licenses),
        native=[
            NativePackageView(
                package=each.package,
                module=each.module,
                version=each.version,
                replaces=each.replaces,
                syso=list(each.syso),
                cgo=list(each.cgo),
            )
            for each in inside.native
        ],
    )


def contents_url(record: BuildRecord) -> str | None:
    """Where it is told what is inside; None until that is known."""
    return f"{build_url(record.id)}/contents" if record.contents else None


def _attempt(url: str, attempt: Attempt) -> AttemptView:
    return AttemptView(
        number=attempt.number,
        builder=attempt.builder,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        ended_as=attempt.ended_as,
        steps=[StepView(step=run.step.value, started_at=run.started_at, seconds=run.seconds) for run in attempt.steps],
        failure=_failure(attempt.failure),
        log_url=f"{url}/log?attempt={attempt.number}",
        sandbox=attempt.sandbox,
    )


def _failure(failure: Failure | None) -> FailureView | None:
    if failure is None:
        return None
    return FailureView(
        kind=failure.kind.value,
        reason=failure.reason,
        message=failure.message,
        step=failure.step.value if failure.step else None,
        culprit=failure.culprit,
        hint=failure.hint,
        tail=list(failure.tail),
    )
