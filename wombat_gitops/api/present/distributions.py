"""Distributions as the JSON of the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wombat_gitops.api.present.base import artifact, condition, manifest_html_url, module, values
from wombat_gitops.api.present.builds import contents_url
from wombat_gitops.api.present.links import build_url, distribution_url, version_url
from wombat_gitops.api.views.distributions import (
    BuiltVersionView,
    DistributionFacets,
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
from wombat_gitops.domain.catalogue import Status
from wombat_gitops.domain.nobuilder import NO_BUILDER
from wombat_gitops.services.reference_index import newest_told
from wombat_gitops.services.versions import standing_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.domain.model import Withdrawal
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.catalog_types import Version


@dataclass(frozen=True, slots=True)
class Around:
    """What is told of a distribution beside its record."""

    status: Status
    platforms: list[PlatformView]
    no_builder: str


def around(catalog: Catalog, record: DistributionRecord) -> Around:
    """What the catalogue says of a distribution now."""
    nobody = (each.message for each in catalog.conditions_of(record) if each.type == NO_BUILDER)
    return Around(catalog.status_of(record), _platforms(catalog, record), next(nobody, ""))


def summary(record: DistributionRecord, around: Around) -> DistributionSummary:
    """A distribution as the catalogue shows it, from these two alone."""
    status = around.status
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
        core=record.core,
        packages=list(record.packages),
        platforms=around.platforms,
        source=record.source,
        revision=record.revision,
        date=record.date,
        url=distribution_url(record.name),
        no_builder=around.no_builder,
    )


def facets(given: Mapping[str, Iterable[tuple[str, int]]]) -> DistributionFacets:
    """What each further filter would leave."""
    return DistributionFacets(**{field: values(counts) for field, counts in given.items()})


def distribution(catalog: Catalog, record: DistributionRecord) -> DistributionView:
    """Everything about one distribution."""
    told = newest_told(catalog, record.name)
    standing = standing_of(catalog, record.name)
    return DistributionView(
        **dict(summary(record, around(catalog, record))),
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
        manifest_url=f"{distribution_url(record.name)}/manifest",
        manifest_html_url=manifest_html_url(catalog, record.source, record.revision, record.path),
        readme_url=f"{distribution_url(record.name)}/readme" if record.readme else None,
        changelog_url=f"{distribution_url(record.name)}/changelog",
        config_schema_url=f"{distribution_url(record.name)}/config-schema" if told else None,
        conditions=[condition(each) for each in catalog.conditions_of(record)],
        versions=_versions(catalog, record.name),
        newest=_built(record.name, standing.newest),
        latest=_built(record.name, standing.latest),
    )


def _built(name: str, version: Version | None) -> BuiltVersionView | None:
    if version is None:
        return None
    last = max(version.builds.values(), key=lambda build: (build.changed_at, build.id))
    return BuiltVersionView(
        version=version.version, revision=last.origin.revision, url=version_url(name, version.version)
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
