"""Distributions as the JSON of the API."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads it

from pydantic import Field

from wombat_gitops.api.views.base import ArtifactView, ConditionView, ModuleView, ValueView, View


class ReplaceView(View):
    """A module in whose place another one is compiled in."""

    path: str
    version: str = Field(description="the only version that is replaced; empty for every one")
    by: ModuleView


class ExclusionView(View):
    """Platforms that packages are left out on."""

    platforms: list[str]
    packages: list[str] = Field(description="full import paths")
    reason: str


class RetentionView(View):
    """How much of a distribution to keep at least; 0 sets no bound."""

    versions: int
    days: int


class NeedsView(View):
    """What its builds take of a builder besides platform and C."""

    memory: int = Field(description="bytes; 0: no demand")
    labels: dict[str, str]


class PlatformView(View):
    """One platform of a distribution: its newest build and what can be downloaded now."""

    platform: str
    state: str = Field(description="state of the build the manifest asks for, or `missing`")
    build: str = Field(description="id of that build")
    build_url: str
    contents_url: str | None = Field(description="what is inside; null until that build has succeeded")
    artifact: ArtifactView | None = Field(description="of that build")
    last_good: ArtifactView | None = Field(
        description="what `latest` leads to where that build has no artifact that can be downloaded"
    )


class MaintainerView(View):
    """Somebody to ask."""

    name: str
    email: str
    github: str


class WithdrawalView(View):
    """What must not be downloaded any more, and why."""

    reason: str
    versions: list[str] = Field(description="the versions; all of them where there are none")


class DistributionSummary(View):
    """A distribution as the catalogue shows it."""

    name: str
    version: str = Field(description="the current version: the one that the manifest declares")
    description: str
    sync: str = Field(examples=["Synced", "OutOfSync", "Unknown"])
    health: str = Field(examples=["Healthy", "Progressing", "Degraded", "Suspended", "Missing"])
    retired: bool
    suspended: bool
    withdrawn: WithdrawalView | None
    labels: dict[str, str]
    license: str
    core: str = Field(description="version of Benthos", examples=["v4.76.0"])
    packages: list[str] = Field(description="full import paths")
    platforms: list[PlatformView]
    source: str
    revision: str
    date: datetime = Field(description="of the commit that last changed what is built")
    url: str
    no_builder: str = Field("", description="why no builder can take some of its builds; empty where one can")


class VersionView(View):
    """A version of a distribution that has artifacts."""

    version: str
    date: datetime
    artifacts: dict[str, ArtifactView] = Field(description="by platform")


class BuiltVersionView(View):
    """A version, and the commit that its builds were requested at."""

    version: str
    revision: str
    url: str


class DistributionView(DistributionSummary):
    """Everything about one distribution."""

    homepage: str
    maintainers: list[MaintainerView]
    modules: list[ModuleView]
    replaces: list[ReplaceView]
    toolchain: str
    tags: list[str]
    cgo: bool
    exclusions: list[ExclusionView]
    retention: RetentionView | None
    needs: NeedsView
    path: str
    manifest: str
    manifest_url: str = Field(description="the manifest's text alone")
    manifest_html_url: str = Field(
        description="the manifest at `revision` on the git host; empty where that is not known"
    )
    readme_url: str | None = Field(description="the text in Markdown beside the manifest; null where there is none")
    changelog_url: str
    config_schema_url: str | None = Field(description="JSON Schema of its configuration; null: not told yet")
    conditions: list[ConditionView]
    versions: list[VersionView] = Field(description="newest first")
    newest: BuiltVersionView | None = Field(description="the highest version; null where nothing was requested yet")
    latest: BuiltVersionView | None = Field(
        description="what `latest` leads to: the current `version` where it can be downloaded, else the newest that can"
    )


class DistributionFacets(View):
    """Values to filter by, the most frequent 50 of each kind; each kind is counted over the other filters."""

    platform: list[ValueView] = Field(default_factory=list, description="`linux/arm64`")
    license: list[ValueView] = Field(
        default_factory=list, description="SPDX identifiers of what is compiled in, and what manifests say"
    )
    state: list[ValueView] = Field(
        default_factory=list, description="words of sync and health, `Withdrawn` and `Retired`"
    )
    label: list[ValueView] = Field(default_factory=list, description="`key=value`")
    package: list[ValueView] = Field(default_factory=list, description="full import paths")


class DistributionPage(View):
    """A page of the catalogue; `next` is the URL of the next page or null."""

    items: list[DistributionSummary]
    next: str | None
    total: int
    facets: DistributionFacets = Field(default_factory=DistributionFacets)
    retired: int = Field(0, description="how many retired ones match; they are in the list with `retired=true` alone")
