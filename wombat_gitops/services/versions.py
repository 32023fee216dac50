"""The versions of a distribution: which there are, and which one is current, newest and latest.

*Current* is the version that the manifest declares in git. *Newest* is the highest version, by semantic version.
*Latest* is what people get who name no version: the current one where it can be downloaded, else the newest that can.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.errors import NotFound, Withdrawn
from wombat_gitops.domain.messages import BuildQuery
from wombat_gitops.domain.records import BuildState
from wombat_gitops.domain.versions import current_and_newest, version_order
from wombat_gitops.services.catalog_types import Version

if TYPE_CHECKING:
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.services.catalog import Catalog

LATEST: Final = "latest"
"""What addresses and commands say in place of a version."""

_TRIED: Final = 100
"""Builds of one version that are looked at for those that failed, newest first."""


def all_versions(catalog: Catalog, name: str) -> tuple[Version, ...]:
    """Versions with artifacts, and the current one where builds of it exist, newest first.

    Raises:
        NotFound: there is no such distribution.
    """
    found = {each.version: dict(each.builds) for each in catalog.versions(name)}
    record = catalog.known_distributions().get(name)
    if record is None and not found:
        catalog.distribution(name)
    if record is not None:
        known = catalog.known_builds()
        for target in record.targets:
            build = known.get(target.build)
            if build is not None:
                found.setdefault(build.spec.version, {}).setdefault(str(target.platform), build)
    return tuple(Version(version, found[version]) for version in sorted(found, key=version_order, reverse=True))


def tried(catalog: Catalog, name: str, version: Version) -> dict[str, BuildRecord]:
    """The newest build for each platform that has no place in *version*, because it made no artifact."""
    found: dict[str, BuildRecord] = {}
    for build in catalog.builds(BuildQuery(name=name, version=version.version, limit=_TRIED)).items:
        platform = str(build.spec.platform)
        if platform not in version.builds and build.state is not BuildState.SUPERSEDED:
            found.setdefault(platform, build)
    return found


def find_version(catalog: Catalog, name: str, version: str) -> tuple[Version, Version | None]:
    """One version, and the one before it. Raises `NotFound`, with the current and the newest one in the hint."""
    known = all_versions(catalog, name)
    for each, older in zip_longest(known, known[1:]):
        if each.version == version:
            return each, older
    msg = f"`{name}` has no version `{version[:64]}`"
    record = catalog.known_distributions().get(name)
    hint = current_and_newest(record.version if record else "", [each.version for each in known])
    raise NotFound(msg, hint=hint or "it has no version yet")


@dataclass(frozen=True, slots=True)
class Standing:
    """Which version is current, newest and latest.

    Attributes:
        current: "" where there is no manifest any more.
        newest: None where no build was requested yet.
        latest: as `newest` where nothing can be downloaded.
    """

    current: str
    newest: Version | None
    latest: Version | None


def standing_of(catalog: Catalog, name: str) -> Standing:
    """Which version of a distribution is which. Raises `NotFound` where there is no such distribution."""
    known = all_versions(catalog, name)
    record = catalog.known_distributions().get(name)
    current = record.version if record is not None else ""
    good = [each for each in known if any(may_be_downloaded(catalog, build) for build in each.builds.values())]
    declared = [each for each in good if each.version == current]
    latest = next(iter((*declared, *good, *known)), None)
    return Standing(current, next(iter(known), None), latest)


def latest_version(catalog: Catalog, name: str) -> Version:
    """The version that `latest` leads to. Raises `NotFound` where there is none at all."""
    latest = standing_of(catalog, name).latest
    if latest is None:
        msg = f"`{name[:64]}` has no version yet"
        raise NotFound(msg)
    return latest


def latest_build(catalog: Catalog, name: str, platform: str) -> BuildRecord:
    """The latest build for one platform: of the current version, else of the newest that can be downloaded.

    Raises:
        NotFound: nothing was built for that platform.
        Withdrawn: all that was is withdrawn.
    """
    record = catalog.known_distributions().get(name)
    targets = record.targets if record is not None else ()
    for target in targets:
        build = catalog.known_builds().get(target.build)
        if str(target.platform) == platform and build is not None and may_be_downloaded(catalog, build):
            return build
    last = catalog.last_good(name, platform)
    if last is not None:
        return last
    built = {
        place
        for each in all_versions(catalog, name)
        for place, build in each.builds.items()
        if build.artifact is not None
    }
    if platform in built:
        msg = f"every version of `{name}` for `{platform}` is withdrawn"
        raise Withdrawn(msg)
    others = ", ".join(f"`{other}`" for other in sorted(built))
    msg = f"`{name}` has no artifact for `{platform[:64]}`"
    raise NotFound(msg, hint=f"it has {others}" if others else "it has no artifact at all yet")


def is_good(catalog: Catalog, build: BuildRecord) -> bool:
    """It succeeded, its artifact is there, and it is not withdrawn."""
    return build.state is BuildState.SUCCEEDED and not build.lost and catalog.withdrawal_of(build) is None


def may_be_downloaded(catalog: Catalog, build: BuildRecord) -> bool:
    """It has an artifact that is not withdrawn."""
    return build.artifact is not None and catalog.withdrawal_of(build) is None
