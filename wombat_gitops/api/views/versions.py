"""Versions of a distribution, and what differs between two, as the JSON of the API."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads it

from pydantic import Field

from wombat_gitops.api.views.base import ArtifactView, View


class VersionBuildView(View):
    """One platform of a version."""

    state: str = Field(examples=["queued", "running", "succeeded", "failed", "cancelled", "superseded"])
    build: str
    build_url: str
    contents_url: str | None = Field(description="what is inside; null until the build has succeeded")
    artifact: ArtifactView | None
    cause: str = Field(description="why it failed, in one line with the guilty module; empty where it did not")


class VersionDetail(View):
    """A version of a distribution, with the build of each platform."""

    name: str
    version: str
    current: bool = Field(description="the manifest declares this version")
    newest: bool = Field(description="no version is higher")
    latest: bool = Field(description="`latest` leads here")
    date: datetime = Field(description="of the commit; stamped into its programs")
    built_at: datetime | None = Field(description="when its last artifact was built; null where there is none")
    toolchain: str
    packages: list[str] = Field(description="full import paths, of any platform")
    tags: list[str]
    cgo: bool
    withdrawn: str = Field(description="why it must not be downloaded; empty where it may be")
    previous: str | None = Field(description="the version before it, to compare with")
    source: str
    revision: str
    path: str = Field(description="of its manifest")
    manifest_html_url: str = Field(
        description="the manifest at that commit on the git host; empty where that is not known"
    )
    platforms: dict[str, VersionBuildView]
    url: str
    checksums_url: str = Field(description="lines for `sha256sum -c`", examples=["/dl/tiny/1.0.0/SHA256SUMS"])


class VersionPage(View):
    """A page of versions, newest first; `next` is the URL of the next page or null."""

    items: list[VersionDetail]
    next: str | None
    total: int


class ComparedVersion(View):
    """One side of a comparison."""

    name: str
    version: str
    build: str = Field(description="whose contents are compared")
    url: str


class ChangeView(View):
    """A value that differs; empty where there is none."""

    name: str
    before: str
    after: str
    turn: str = Field(examples=["added", "removed", "up", "down", "changed"])


class ListChangeView(View):
    """What came into a list and what went."""

    added: list[str]
    removed: list[str]


class SizeChangeView(View):
    """Bytes of the artifacts for one platform; null where there is none."""

    before: int | None
    after: int | None


class ChangeSummary(View):
    """A comparison in numbers; sizes are bytes on the platform that is compared on, null where there is no file."""

    modules_added: int
    modules_removed: int
    modules_up: int
    modules_down: int
    modules_changed: int = Field(description="to a version of which it cannot be said whether it is newer")
    packages_added: int
    packages_removed: int
    components_added: int
    components_removed: int
    licenses_added: int
    licenses_removed: int
    size_before: int | None
    size_after: int | None


class ComparisonView(View):
    """What differs between two versions, of one distribution or of two."""

    before: ComparedVersion
    after: ComparedVersion
    platform: str = Field(description="that the two are compared on")
    platforms: list[str] = Field(description="that both are built for")
    equal: bool = Field(description="nothing that was compared differs, sizes apart")
    known_contents: bool = Field(description="modules, components, licences and the core were compared")
    summary: ChangeSummary
    fields: list[ChangeView] = Field(description="`toolchain`, `cgo`, `core`")
    modules: list[ChangeView] = Field(description="by path")
    packages: ListChangeView
    tags: ListChangeView
    components: ListChangeView = Field(description="kind and name, `input kafka_franz`")
    licenses: ListChangeView
    sizes: dict[str, SizeChangeView] = Field(description="by platform")


class ChangelogEntry(View):
    """A version, and what changed in it."""

    version: str
    date: datetime
    withdrawn: str = Field(description="why it must not be downloaded; empty where it may be")
    url: str
    changes: ComparisonView | None = Field(
        description="since the version before it; null where there is none to compare"
    )


class ChangelogPage(View):
    """A page of changes, newest version first; `next` is the URL of the next page or null."""

    items: list[ChangelogEntry]
    next: str | None
    total: int
