"""Distributions as the JSON of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.api.present.base import artifact, condition, module
from wombat_gitops.api.present.builds import contents_url
from wombat_gitops.api.present.links import ROOT, build_url
from wombat_gitops.api.views.distributions import (
    DistributionSummary,
    DistributionView,
    ExclusionView,
    MaintainerView,
    NeedsView,
    PlatformView,
    ReplaceView,
    RetentionView,
    VersionView,
    WithdrawalView,
)
from wombat_gitops.domain.model import CORE_MODULE, Withdrawal
from wombat_gitops.domain.nobuilder import NO_BUILDER

if TYPE_CHECKING:
    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.services.catalog import Catalog


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


def distribution(catalog: Catalog, record: DistributionRecord) -> DistributionView:
    """Everything about one distribution."""
    return DistributionView(
        **dict(summary(catalog, record)),
        homepage=record.homepage,
        maintainers=[MaintainerView(name=m.name, email=m.email, github=m.github) for m in record.maintainers],
        modules=list(map(module, record.modules)),
        replaces=[ReplaceView(path=one.path, version=one.version, by=module(one.by)) for one in record.replaces],
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
        conditions=[condition(each) for each in catalog.conditions_of(record)],
        versions=_versions(catalog, record.name),
    )


def _withdrawal(withdrawn: Withdrawal | None) -> WithdrawalView | None:
    return WithdrawalView(reason=withdrawn.reason, versions=list(withdrawn.versions)) if withdrawn else None


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
                contents_url=contents_url(wanted) if wanted else None,
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
