"""Packages, and what is found by words, as the JSON of the API."""

from __future__ import annotations

from pydantic import Field

from wombat_gitops.api.views.base import ValueView, View


class PackageSummary(View):
    """A package, and which distributions have it."""

    package: str = Field(
        description="full import path", examples=["github.com/redpanda-data/connect/v4/public/components/kafka"]
    )
    name: str = Field(description="as manifests may name it", examples=["kafka"])
    module: str = Field(description="path of the module it is in; empty where no manifest names one that has it")
    versions: list[str] = Field(description="of that module, newest first", examples=[["v4.76.0", "v4.61.0"]])
    licenses: list[str] = Field(description="SPDX identifiers of what it brings in; none until it was built")
    component_count: int = Field(description="components that it registers; 0 until it was built")
    distributions: list[str]
    url: str
    html_url: str


class PackageComponent(View):
    """A component that a package registers."""

    kind: str = Field(examples=["input"])
    name: str = Field(examples=["kafka_franz"])
    url: str = Field(examples=["/api/v1/components/input/kafka_franz"])
    html_url: str = Field(examples=["/components/input/kafka_franz"])


class PackageAbsence(View):
    """A platform where a package is of no use."""

    platform: str
    reason: str
    hint: str


class PackageUse(View):
    """A package in one distribution."""

    distribution: str
    distribution_version: str
    version: str = Field(description="of its module; empty where not known")
    platforms: list[str] = Field(description="where it was built in and is of use")
    absent: list[PackageAbsence]
    url: str = Field(description="of the distribution")
    html_url: str


class PackageDetail(PackageSummary):
    """Everything about one package."""

    components: list[PackageComponent] = Field(description="in some version, on some platform")
    uses: list[PackageUse] = Field(description="the newest version first")
    builds_url: str = Field(description="every build that has it")


class PackageFacets(View):
    """Values to filter by, the most frequent 50 of each kind; each kind is counted over the other filters."""

    license: list[ValueView]
    module: list[ValueView]


class PackageList(View):
    """A page of packages; `next` is the URL of the next page or null."""

    items: list[PackageSummary]
    next: str | None
    total: int
    facets: PackageFacets


class SearchHit(View):
    """Something that was found."""

    kind: str = Field(description="`distribution`, `package` or the kind of a component", examples=["input"])
    name: str
    text: str = Field(description="what it is, in a line; may be empty")
    url: str
    html_url: str


class SearchGroup(View):
    """What was found of one sort, the best first."""

    kind: str = Field(examples=["distribution", "package", "component"])
    items: list[SearchHit]
    total: int
    url: str = Field(description="the whole list")
    html_url: str


class SearchView(View):
    """What was found in the whole catalogue."""

    q: str
    total: int
    groups: list[SearchGroup] = Field(description="distributions, packages, components; also those without a hit")
    did_you_mean: list[str] = Field(description="names that are like it, where nothing was found")
