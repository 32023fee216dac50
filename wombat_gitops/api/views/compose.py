"""What people compose distributions from, and what becomes of it, as the JSON of the API."""

from __future__ import annotations

from pydantic import Field

from wombat_gitops.api.views.base import View

Kinds = dict[str, list[str]]


class FindingView(View):
    """Something that a check will say of the manifest."""

    rule: str = Field(examples=["WOM-053"])
    severity: str = Field(examples=["error", "warning", "hint"])
    message: str
    hint: str
    line: int = Field(description="counted from 1; 0 where the whole file is meant")
    column: int
    end_column: int = Field(description="the column behind the last character; 0 where that is not known")
    pointer: str = Field(description="JSON Pointer of the value")
    help_url: str = Field(description="what the rule says", examples=["/docs/rules#WOM-053"])


class OutlookView(View):
    """What a package will be on a platform."""

    state: str = Field(examples=["present", "stub", "missing", "unknown", "excluded"])
    reason: str
    hint: str


class ComposedPackageView(View):
    """A chosen package."""

    package: str = Field(description="full import path")
    name: str = Field(description="as the manifest writes it")
    module: str = Field(description="empty where none of the chosen modules has it")
    version: str
    known: str = Field(description="of which version of the module the rest is told; empty where nothing is known")
    components: Kinds = Field(description="what it registers: names by kind")
    licenses: list[str] = Field(description="SPDX identifiers of what it brings in from its own module")
    platforms: dict[str, OutlookView]


class PullRequestView(View):
    """The page of a git host on which the manifest is proposed."""

    host: str = Field(examples=["github", "gitlab", "gitea"])
    url: str
    whole: bool = Field(description="the address carries the text; without it, a person pastes the manifest")


class ComposeView(View):
    """A manifest, and everything that can be told of it before anything is built."""

    manifest: str
    path: str = Field(description="where it belongs in the repository")
    manifest_url: str = Field(description="the text alone, as a file")
    blocked: bool = Field(description="a check would refuse it as it is")
    findings: list[FindingView] = Field(description="in the order of their places")
    packages: list[ComposedPackageView]
    licenses: list[str] = Field(description="of what the packages bring in from their own modules, as far as known")
    licenses_known: bool = Field(description="the licences of every package are known at the chosen version")
    policies: list[str] = Field(description="names of the policies that were held against it")
    source: str = Field(description="id of the source it is proposed to; empty for none")
    pull_request: PullRequestView | None
    cli: list[str] = Field(description="what to do on a command line instead")


class ModuleVersionView(View):
    """A version of a module that there is to choose."""

    version: str
    distributions: list[str] = Field(description="those that have it")
    requires: dict[str, str] = Field(description="least versions of other modules, as far as known")


class ModuleChoiceView(View):
    """A module that there is to choose."""

    module: str
    versions: list[ModuleVersionView] = Field(description="newest first")


class PackageChoiceView(View):
    """A package that there is to choose."""

    package: str = Field(description="full import path")
    name: str = Field(description="as a manifest writes it below its module")
    module: str
    versions: list[str] = Field(description="of the module, at which it is known; newest first")
    components: Kinds = Field(description="what it registers at the newest of them: names by kind")
    licenses: list[str]
    tags: list[str] = Field(description="build tags without which it registers nothing")
    cgo: bool = Field(description="it registers nothing without C")
    not_on: list[str] = Field(description="platforms on which it registers nothing")


class PlatformChoiceView(View):
    """A platform that there is to choose."""

    platform: str
    usual: bool = Field(description="chosen where a manifest says nothing")
    distributions: int = Field(description="how many are declared for it")


class SourceChoiceView(View):
    """A source that a distribution may be proposed to."""

    id: str
    url: str
    ref: str
    folder: str
    host: str = Field(description="software of its host; empty where that is not known")


class ComposeChoices(View):
    """Everything there is to choose from: what this site has built, and what it knows besides."""

    modules: list[ModuleChoiceView] = Field(description="Benthos first")
    packages: list[PackageChoiceView]
    platforms: list[PlatformChoiceView]
    sources: list[SourceChoiceView]
