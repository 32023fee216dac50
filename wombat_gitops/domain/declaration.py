"""What the manifests of one revision declare: distributions, their locks, and the builds they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.identity import build_id, make_spec
from wombat_gitops.domain.model import BuildSpec, Distribution, Lock


@dataclass(frozen=True, slots=True)
class DesiredBuild:
    """A build that a manifest asks for."""

    id: str
    spec: BuildSpec


@dataclass(frozen=True, slots=True)
class Declared:
    """One distribution that is declared.

    Attributes:
        lock: None where it cannot be used; the diagnostics say why.
        date: committer date of the newest commit that changed manifest or lock, or `UNCOMMITTED_DATE`.
        manifest: the manifest's text.
        builds: one a platform, in the manifest's order; none where the lock cannot be used.
        diagnostics: of this manifest and its lock, sorted.
        readme: the text in Markdown beside the manifest, which is no input of any build; "" where there is none.
    """

    distribution: Distribution
    lock: Lock | None
    date: datetime
    manifest: str
    builds: tuple[DesiredBuild, ...]
    diagnostics: tuple[Diagnostic, ...]
    readme: str = ""


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A manifest of another kind than `Distribution`, which others depend on."""

    path: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """Everything one revision declares.

    Attributes:
        declared: by name.
        diagnostics: of all files, sorted, those that gave no distribution included.
        manifests: how many manifest files there are.
        shared: what distributions share, by path.
        retired: names whose retirement is confirmed, however many go at once.
    """

    revision: str
    declared: tuple[Declared, ...]
    diagnostics: tuple[Diagnostic, ...]
    manifests: int
    shared: tuple[SharedFile, ...] = ()
    retired: frozenset[str] = frozenset()


def desired_builds(distribution: Distribution, lock: Lock, date: datetime) -> tuple[DesiredBuild, ...]:
    """The build of each of a distribution's platforms."""
    specs = (make_spec(distribution, lock, platform, date) for platform in distribution.platforms)
    return tuple(DesiredBuild(build_id(spec), spec) for spec in specs)
