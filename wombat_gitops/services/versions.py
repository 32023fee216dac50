"""The versions of a distribution: which there are, and which is the newest that may be downloaded."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.errors import NotFound, Withdrawn
from wombat_gitops.domain.messages import BuildQuery
from wombat_gitops.domain.records import BuildState
from wombat_gitops.domain.versions import version_key
from wombat_gitops.services.catalog_types import Version

if TYPE_CHECKING:
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.services.catalog import Catalog

_TRIED: Final = 100
"""Builds of one version that are looked at for those that failed, newest first."""


def all_versions(catalog: Catalog, name: str) -> tuple[Version, ...]:
    """Versions with artifacts, and the one that the manifest asks for, newest first by semantic version.

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
    order = sorted(found, key=lambda version: (version_key(version), version), reverse=True)
    return tuple(Version(version, found[version]) for version in order)


def tried(catalog: Catalog, name: str, version: Version) -> dict[str, BuildRecord]:
    """The newest build for each platform that has no place in *version*, because it made no artifact."""
    found: dict[str, BuildRecord] = {}
    for build in catalog.builds(BuildQuery(name=name, version=version.version, limit=_TRIED)).items:
        platform = str(build.spec.platform)
        if platform not in version.builds and build.state is not BuildState.SUPERSEDED:
            found.setdefault(platform, build)
    return found


def find_version(catalog: Catalog, name: str, version: str) -> tuple[Version, Version | None]:
    """One version, and the one before it. Raises `NotFound`, with the newest one in the hint."""
    known = all_versions(catalog, name)
    for each, older in zip_longest(known, known[1:]):
        if each.version == version:
            return each, older
    msg = f"`{name}` has no version `{version[:64]}`"
    raise NotFound(msg, hint=f"the newest is `{known[0].version}`" if known else "it has no version yet")


def newest_version(catalog: Catalog, name: str) -> Version:
    """The version that the manifest asks for where some of it can be downloaded, else the newest such, else the newest.

    Raises:
        NotFound: there is none at all.
    """
    known = all_versions(catalog, name)
    record = catalog.known_distributions().get(name)
    good = [each for each in known if any(may_be_downloaded(catalog, build) for build in each.builds.values())]
    wanted = [each for each in good if record is not None and each.version == record.version]
    for chosen in (*wanted, *good, *known):
        return chosen
    msg = f"`{name[:64]}` has no version yet"
    raise NotFound(msg)


def newest_build(catalog: Catalog, name: str, platform: str) -> BuildRecord:
    """What a person who names no version gets: the build that the manifest asks for, else the last good one.

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
