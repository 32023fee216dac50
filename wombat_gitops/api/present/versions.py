"""Versions, and what differs between two, as the JSON of the API."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from wombat_gitops.api.present.base import artifact, manifest_html_url
from wombat_gitops.api.present.builds import contents_url
from wombat_gitops.api.present.links import build_url, checksums_url, version_url
from wombat_gitops.api.views.versions import (
    ChangelogEntry,
    ChangeSummary,
    ChangeView,
    ComparedVersion,
    ComparisonView,
    ListChangeView,
    SizeChangeView,
    VersionBuildView,
    VersionDetail,
)
from wombat_gitops.domain.comparison import Turn, turn_of
from wombat_gitops.domain.differences import FieldChange
from wombat_gitops.domain.records import BuildState
from wombat_gitops.services.versions import tried

if TYPE_CHECKING:
    from wombat_gitops.domain.comparison import Comparison
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.catalog_types import Version
    from wombat_gitops.services.versions import Standing


def detail(
    catalog: Catalog, standing: Standing, name: str, version: Version, previous: Version | None
) -> VersionDetail:
    """Everything about one version."""
    builds = {**tried(catalog, name, version), **version.builds}
    newest = max(version.builds.values(), key=lambda build: (build.spec.date, build.id))
    spec = newest.spec
    withdrawal = catalog.withdrawal_of(newest)
    return VersionDetail(
        name=name,
        version=version.version,
        current=version.version == standing.current,
        newest=standing.newest is not None and version.version == standing.newest.version,
        latest=standing.latest is not None and version.version == standing.latest.version,
        date=spec.date,
        built_at=max((build.changed_at for build in version.builds.values() if build.artifact), default=None),
        toolchain=spec.toolchain,
        packages=sorted({package for build in version.builds.values() for package in build.spec.packages}),
        tags=list(spec.tags),
        cgo=spec.cgo,
        withdrawn=withdrawal.reason if withdrawal else "",
        previous=previous.version if previous else None,
        source=newest.origin.source,
        revision=newest.origin.revision,
        path=newest.origin.path,
        manifest_html_url=manifest_html_url(catalog, newest.origin.source, newest.origin.revision, newest.origin.path),
        platforms={
            platform: VersionBuildView(
                state=build.state.value,
                build=build.id,
                build_url=build_url(build.id),
                contents_url=contents_url(build),
                artifact=artifact(catalog, build),
                cause=_cause(build),
            )
            for platform, build in sorted(builds.items())
        },
        url=version_url(name, version.version),
        checksums_url=checksums_url(name, version.version),
    )


def comparison(
    names: tuple[str, str], versions: tuple[Version, Version], platform: str, found: Comparison
) -> ComparisonView:
    """What differs between two versions on *platform*, which both have."""
    before, after = versions
    changed = {each.field: each for each in found.lists}
    return ComparisonView(
        before=_side(names[0], before, platform),
        after=_side(names[1], after, platform),
        platform=platform,
        platforms=sorted(before.builds.keys() & after.builds.keys()),
        equal=found.equal,
        known_contents=found.known,
        summary=_summary(found, before.builds[platform], after.builds[platform]),
        fields=[_change(each) for each in found.fields],
        modules=[_change(each) for each in found.modules],
        packages=_list(changed, "packages"),
        tags=_list(changed, "tags"),
        components=_list(changed, "components"),
        licenses=_list(changed, "licenses"),
        sizes={
            place: SizeChangeView(before=_size(before, place), after=_size(after, place))
            for place in sorted(before.builds.keys() | after.builds.keys())
        },
    )


def entry(catalog: Catalog, name: str, version: Version, changes: ComparisonView | None) -> ChangelogEntry:
    """A version as the changelog tells of it."""
    newest = max(version.builds.values(), key=lambda build: (build.spec.date, build.id))
    withdrawal = catalog.withdrawal_of(newest)
    return ChangelogEntry(
        version=version.version,
        date=newest.spec.date,
        withdrawn=withdrawal.reason if withdrawal else "",
        url=version_url(name, version.version),
        changes=changes,
    )


def _summary(found: Comparison, before: BuildRecord, after: BuildRecord) -> ChangeSummary:
    turns = Counter(map(turn_of, found.modules))
    changed = {each.field: each for each in found.lists}
    packages, components, licenses = (
        changed.get(name, FieldChange(name)) for name in ("packages", "components", "licenses")
    )
    return ChangeSummary(
        modules_added=turns[Turn.ADDED],
        modules_removed=turns[Turn.REMOVED],
        modules_up=turns[Turn.UP],
        modules_down=turns[Turn.DOWN],
        modules_changed=turns[Turn.CHANGED],
        packages_added=len(packages.added),
        packages_removed=len(packages.removed),
        components_added=len(components.added),
        components_removed=len(components.removed),
        licenses_added=len(licenses.added),
        licenses_removed=len(licenses.removed),
        size_before=before.artifact.size if before.artifact else None,
        size_after=after.artifact.size if after.artifact else None,
    )


def _cause(build: BuildRecord) -> str:
    failure = build.failure
    if failure is None or build.state is not BuildState.FAILED:
        return ""
    named = failure.culprit and failure.culprit not in failure.message
    return f"{failure.culprit}: {failure.message}" if named else failure.message


def _side(name: str, version: Version, platform: str) -> ComparedVersion:
    build = version.builds[platform].id
    return ComparedVersion(name=name, version=version.version, build=build, url=version_url(name, version.version))


def _change(change: FieldChange) -> ChangeView:
    return ChangeView(name=change.field, before=change.before, after=change.after, turn=turn_of(change).value)


def _list(changed: dict[str, FieldChange], name: str) -> ListChangeView:
    change = changed.get(name, FieldChange(name))
    return ListChangeView(added=list(change.added), removed=list(change.removed))


def _size(version: Version, platform: str) -> int | None:
    build = version.builds.get(platform)
    return build.artifact.size if build is not None and build.artifact is not None else None
