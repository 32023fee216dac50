"""What of a catalogue matters to somebody who composes a distribution: versions, sources, names, policies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.compose import Around
from wombat_gitops.domain.errors import NotFound
from wombat_gitops.domain.hostlinks import new_file, public_host, repository_of
from wombat_gitops.domain.model import CORE_MODULE, Module, Policy
from wombat_gitops.domain.providers import KNOWN_MODULES
from wombat_gitops.domain.sources import Host
from wombat_gitops.domain.versions import version_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wombat_gitops.domain.catalogue import DistributionRecord, SourceRecord
    from wombat_gitops.domain.compose import Composition
    from wombat_gitops.domain.hostlinks import NewFile
    from wombat_gitops.domain.known import Known
    from wombat_gitops.services.catalog import Catalog

FOLDER: Final = "manifests"
"""Where manifests are in a repository that nobody named."""


@dataclass(frozen=True, slots=True)
class Operator:
    """What the operator of this site says about what is composed here.

    Attributes:
        policies: hold for every distribution.
        hosts: which software git hosts run, by host name.
    """

    policies: tuple[Policy, ...] = ()
    hosts: Mapping[str, Host] = field(default_factory=dict)


NO_OPERATOR: Final = Operator()


@dataclass(frozen=True, slots=True)
class SeenVersion:
    """A version of a module, and the names of the distributions that have it."""

    version: str
    distributions: tuple[str, ...]


def find_source(catalog: Catalog, identity: str) -> SourceRecord | None:
    """The source that a manifest is proposed to: the only one there is where none is named.

    Raises:
        NotFound: there is none of that name.
    """
    sources = catalog.sources()
    if not identity:
        return sources[0] if len(sources) == 1 else None
    for source in sources:
        if source.id == identity:
            return source
    msg = f"there is no source `{identity[:80]}`"
    raise NotFound(msg, hint=", ".join(f"`{source.id}`" for source in sources[:5]))


def around(catalog: Catalog, known: Known, source: SourceRecord | None, operator: Operator) -> Around:
    """What is known besides what a person chooses."""
    folder = source.folder if source is not None else FOLDER
    watched = _seen_policies(catalog, source.id, folder) if source is not None else ()
    together: dict[Module, set[str]] = defaultdict(set)
    for record in _declared(catalog):
        if record.core and _is_built(catalog, record):
            for module in record.modules:
                together[module].add(record.core)
    return Around(
        known,
        tuple(dict.fromkeys((*operator.policies, *watched))),
        {record.name: record.path for record in _declared(catalog)},
        {module: frozenset(cores) for module, cores in together.items() if module.path != CORE_MODULE},
    )


def versions_of(catalog: Catalog, known: Known) -> dict[str, tuple[SeenVersion, ...]]:
    """The versions of each module that there are to choose from, newest first."""
    seen: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for module in (*KNOWN_MODULES, *known.modules):
        seen[module.path].setdefault(module.version, set())
    for record in _declared(catalog):
        for module in record.modules:
            seen[module.path][module.version].add(record.name)
    return {
        path: tuple(
            SeenVersion(version, tuple(sorted(versions[version])))
            for version in sorted(versions, key=lambda each: (version_key(each), each), reverse=True)
        )
        for path, versions in sorted(seen.items())
    }


def host_of(source: SourceRecord, operator: Operator) -> Host | None:
    """The software of a source's git host, or None where nobody said."""
    place = repository_of(source.url)
    told = operator.hosts.get(place[0].partition(":")[0]) if place is not None else None
    return told or public_host(source.url)


def proposal(source: SourceRecord | None, made: Composition, operator: Operator) -> NewFile | None:
    """The page of the source's host on which the manifest is proposed; None where nobody knows which that is."""
    if source is None:
        return None
    return new_file(source.url, source.ref, made.path, made.manifest, host=host_of(source, operator))


def _declared(catalog: Catalog) -> Iterator[DistributionRecord]:
    return (record for _, record in sorted(catalog.known_distributions().items()) if not record.retired)


def _is_built(catalog: Catalog, record: DistributionRecord) -> bool:
    known = catalog.known_builds()
    builds = (known.get(target.build) for target in record.targets)
    return any(build is not None and build.artifact is not None for build in builds)


def _seen_policies(catalog: Catalog, source: str, folder: str) -> Iterator[Policy]:
    """The policies that held in a source, at the newest requests, for files directly in *folder*."""
    known = catalog.known_builds()
    for record in _declared(catalog):
        for target in record.targets if record.source == source else ():
            build = known.get(target.build)
            for policy in build.policies if build is not None else ():
                home = policy.path.rpartition("/")[0]
                if policy.path != record.path and (not home or f"{folder}/".startswith(f"{home}/")):
                    yield policy
