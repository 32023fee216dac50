"""Domain values as the JSON of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from wombat_gitops.api.views import (
    ArtifactInfo,
    ArtifactView,
    AttemptView,
    BuilderView,
    BuildView,
    ComponentView,
    ConditionView,
    ContentsView,
    DistributionSummary,
    DistributionView,
    ExclusionView,
    FailureView,
    MaintainerView,
    ModuleContentsView,
    ModuleView,
    NeedsView,
    PackageContentsView,
    PlatformView,
    ReplaceView,
    RetentionView,
    SourceView,
    StatusView,
    StepView,
    VersionView,
    WithdrawalView,
)
from wombat_gitops.domain.catalogue import SourceLook
from wombat_gitops.domain.errors import NotFound
from wombat_gitops.domain.model import CORE_MODULE
from wombat_gitops.domain.nobuilder import NO_BUILDER
from wombat_gitops.domain.subjects import builder_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wombat_gitops.domain.catalogue import Condition, DistributionRecord, SourceRecord
    from wombat_gitops.domain.contents import Contents
    from wombat_gitops.domain.lifecycle import Attempt, BuildRecord, Failure
    from wombat_gitops.domain.model import Module, Withdrawal
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.catalog_types import CatalogStatus

ROOT: Final = "/api/v1"


def build_url(identity: str) -> str:
    """Where a build is told of."""
    return f"{ROOT}/builds/{identity}"


def download_url(name: str, version: str, file_name: str) -> str:
    """Where a published file is, by its name."""
    return f"/dl/{quote(name)}/{quote(version)}/{quote(file_name)}"


def digest_url(sha256: str) -> str:
    """Where these very bytes are."""
    return f"/dl/sha256/{sha256}"


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


def build(catalog: Catalog, record: BuildRecord) -> BuildView:
    """A build with all its attempts."""
    spec = record.spec
    url = build_url(record.id)
    return BuildView(
        id=record.id,
        name=spec.name,
        version=spec.version,
        platform=str(spec.platform),
        state=record.state.value,
        position=catalog.position(record),
        waiting_for=catalog.waiting_for(record),
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
        artifact=artifact(catalog, record),
        url=url,
        log_url=f"{url}/log",
        log_stream_url=f"{url}/log/stream",
        contents_url=_contents_url(record),
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
    )


def summary(catalog: Catalog, record: DistributionRecord) -> DistributionSummary:
    """A distribution as the catalogue shows it."""
    status = catalog.status_of(record)
    return DistributionSummary(
        name=record.name,
        version=record.version,
        description=record.description,
        sync=status.sync.value,
        health=status.health.value,
        retired=record.retired,
        suspended=record.suspended,
        withdrawn=_withdrawal(record.withdrawn),
        labels=dict(record.labels),
        license=record.license,
        core=next((module.version for module in record.modules if module.path == CORE_MODULE), ""),
        packages=list(record.packages),
        platforms=_platforms(catalog, record),
        source=record.source,
        revision=record.revision,
        date=record.date,
        url=f"{ROOT}/distributions/{record.name}",
        no_builder=next((each.message for each in catalog.conditions_of(record) if each.type == NO_BUILDER), ""),
    )


def _withdrawal(withdrawn: Withdrawal | None) -> WithdrawalView | None:
    return WithdrawalView(reason=withdrawn.reason, versions=list(withdrawn.versions)) if withdrawn else None


def distribution(catalog: Catalog, record: DistributionRecord) -> DistributionView:
    """Everything about one distribution."""
    return DistributionView(
        **dict(summary(catalog, record)),
        homepage=record.homepage,
        maintainers=[MaintainerView(name=m.name, email=m.email, github=m.github) for m in record.maintainers],
        modules=list(map(_module, record.modules)),
        replaces=[ReplaceView(path=one.path, version=one.version, by=_module(one.by)) for one in record.replaces],
        toolchain=record.toolchain,
        tags=list(record.tags),
        cgo=record.cgo,
        exclusions=[
            ExclusionView(platforms=list(map(str, one.platforms)), packages=list(one.packages), reason=one.reason)
            for one in record.exclusions
        ],
        retention=RetentionView(versions=kept.versions, days=kept.days) if (kept := record.retention) else None,
        needs=NeedsView(memory=record.needs.memory, labels=dict(record.needs.labels)),
        path=record.path,
        manifest=record.manifest,
        conditions=[_condition(condition) for condition in catalog.conditions_of(record)],
        versions=_versions(catalog, record.name),
    )


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
        conditions=[_condition(condition) for condition in record.conditions],
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


def _contents_url(record: BuildRecord) -> str | None:
    return f"{build_url(record.id)}/contents" if record.contents else None


def _module(module: Module) -> ModuleView:
    return ModuleView(path=module.path, version=module.version)


def _platforms(catalog: Catalog, record: DistributionRecord) -> list[PlatformView]:
    known = catalog.known_builds()
    views = []
    for target in record.targets:
        wanted = known.get(target.build)
        made = artifact(catalog, wanted) if wanted else None
        last = None if made and not made.withdrawn else catalog.last_good(record.name, str(target.platform))
        views.append(
            PlatformView(
                platform=str(target.platform),
                state=wanted.state.value if wanted else "missing",
                build=target.build,
                build_url=build_url(target.build),
                contents_url=_contents_url(wanted) if wanted else None,
                artifact=made,
                last_good=artifact(catalog, last) if last else None,
            )
        )
    return views


def _versions(catalog: Catalog, name: str) -> list[VersionView]:
    views = []
    for version in catalog.versions(name):
        made = {platform: artifact(catalog, record) for platform, record in sorted(version.builds.items())}
        views.append(
            VersionView(
                version=version.version,
                date=max(record.spec.date for record in version.builds.values()),
                artifacts={platform: view for platform, view in made.items() if view is not None},
            )
        )
    return views


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


def _condition(condition: Condition) -> ConditionView:
    return ConditionView(
        type=condition.type,
        status=condition.status,
        reason=condition.reason,
        message=condition.message,
        revision=condition.revision,
        since=condition.since,
    )
