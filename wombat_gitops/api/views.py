"""The JSON of the HTTP API, made from domain values. snake_case, RFC 3339 UTC, sizes in bytes."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads it

from pydantic import BaseModel, ConfigDict, Field


class View(BaseModel):
    """Base of all answers; readers must accept fields they do not know."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class ParameterProblem(View):
    """What is wrong with one parameter of a request."""

    parameter: str
    detail: str


class Problem(View):
    """An error (RFC 9457, `application/problem+json`)."""

    type: str = Field(examples=["/docs/problems#not-found"])
    title: str
    status: int
    code: str
    detail: str
    instance: str = ""
    hint: str = ""
    request_id: str = Field("", description="also in the header `X-Request-Id`")
    errors: list[ParameterProblem] = Field(default_factory=list, description="which parameters are wrong, and how")


class ConditionView(View):
    """A named fact about a source or a distribution."""

    type: str
    status: bool
    reason: str
    message: str
    revision: str
    since: datetime


class ArtifactView(View):
    """A file to download."""

    sha256: str
    size: int
    file_name: str
    url: str = Field(examples=["/dl/tiny/1.0.0/tiny_1.0.0_linux_amd64"])
    withdrawn: str = Field("", description="why it is not handed out any more (`url` answers 410); empty where it is")


class StepView(View):
    """One step; `seconds` is null while it runs."""

    step: str
    started_at: datetime
    seconds: float | None


class FailureView(View):
    """Why a build has no artifact."""

    kind: str
    reason: str
    message: str
    step: str | None
    culprit: str
    hint: str
    tail: list[str]


class AttemptView(View):
    """One execution of a build."""

    number: int
    builder: str
    started_at: datetime
    ended_at: datetime | None
    ended_as: str | None
    steps: list[StepView]
    failure: FailureView | None
    log_url: str


class BuildView(View):
    """One build of one platform."""

    id: str
    name: str
    version: str
    platform: str
    state: str = Field(examples=["queued", "running", "succeeded", "failed", "cancelled", "superseded"])
    position: int | None = Field(description="1 for the build that is next; null when it is not queued")
    waiting_for: str = Field(description="why a queued build has not started; empty when it is not queued")
    requested_at: datetime
    changed_at: datetime
    not_before: datetime | None
    cancel_requested: bool
    toolchain: str
    packages: list[str]
    tags: list[str]
    date: datetime
    source: str
    revision: str
    path: str
    tries_left: int
    attempts: list[AttemptView]
    failure: FailureView | None
    artifact: ArtifactView | None
    url: str
    log_url: str
    log_stream_url: str
    contents_url: str | None = Field(description="what is inside; null until it has succeeded")


class ModuleView(View):
    """A Go module at an exact version."""

    path: str
    version: str


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


class ComponentView(View):
    """Something a pipeline can name."""

    kind: str = Field(examples=["input", "rate-limit", "bloblang-method"])
    name: str = Field(examples=["kafka_franz"])


class PackageContentsView(View):
    """A listed package as it is in one program."""

    package: str = Field(description="full import path")
    module: str
    components: list[ComponentView] = Field(description="what it registers; empty where that cannot be told")
    licenses: list[str] = Field(description="SPDX identifiers of what it brings in from its own module")


class ModuleContentsView(ModuleView):
    """A module of which something is compiled in."""

    licenses: list[str] = Field(description="SPDX identifiers; `NOASSERTION` where none is known")
    replaces: str = Field(description="the module in whose place it is, or empty")


class ContentsView(View):
    """What one program is made of, read from its source before it was compiled."""

    build: str
    packages: list[PackageContentsView]
    modules: list[ModuleContentsView]
    licenses: list[str] = Field(description="every licence, once")


class PlatformView(View):
    """One platform of a distribution: its newest build and what can be downloaded now."""

    platform: str
    state: str = Field(description="state of the build the manifest asks for, or `missing`")
    build: str = Field(description="id of that build")
    build_url: str
    contents_url: str | None = Field(description="what is inside; null until that build has succeeded")
    artifact: ArtifactView | None = Field(description="of that build")
    last_good: ArtifactView | None = Field(
        description="newest artifact that can be downloaded where that build has none"
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
    version: str
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
    date: datetime
    url: str
    no_builder: str = Field("", description="why no builder can take some of its builds; empty where one can")


class VersionView(View):
    """A version of a distribution that has artifacts."""

    version: str
    date: datetime
    artifacts: dict[str, ArtifactView] = Field(description="by platform")


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
    conditions: list[ConditionView]
    versions: list[VersionView] = Field(description="newest first")


class SourceView(View):
    """A watched repository, branch and folder."""

    id: str
    url: str
    ref: str
    folder: str
    revision: str
    checked_at: datetime | None
    manifests: int
    invalid: int
    conditions: list[ConditionView]
    observed_revision: str = Field("", description="newest commit seen at the tip of the branch, used or not")
    observed_by: str = Field("", description="why it is known", examples=["poll", "webhook"])
    polled_at: datetime | None = Field(None, description="last look, or one of the five minutes before it")
    due_at: datetime | None = Field(None, description="when it is overdue: nobody watches it any more; null: not known")
    pushed_at: datetime | None = Field(None, description="last message of the git host")
    verified: bool | None = Field(None, description="whether that commit is signed; null where that is not demanded")
    signer: str = Field("", description="who signed it")
    status_error: str = Field("", description="why the git host could not be told how the builds went")


class BuilderView(View):
    """A builder that is at work."""

    id: str
    name: str = Field(description="without its start: what `wombat drain` takes")
    host: str
    version: str
    workers: int
    busy: int
    started_at: datetime
    state: str = Field("working", examples=["working", "draining", "quarantined"])
    reason: str = Field("", description="why it takes nothing; empty where it is working")
    platforms: list[str] = Field(default_factory=list, description="patterns of what it builds for; none: everything")
    cgo: list[str] = Field(default_factory=list, description="patterns of what it has a C compiler for")
    memory: int = Field(0, description="bytes that one build may use; 0: not bounded")
    labels: dict[str, str] = Field(default_factory=dict)


class StatusView(View):
    """Is it down? Answered here."""

    version: str
    connected: bool = Field(description="the broker answers")
    synced_at: datetime | None = Field(description="when the catalogue was last known to be complete")
    stale: bool = Field(description="what is shown may be old")
    queued: int
    running: int
    builders: list[BuilderView]
    sources: list[SourceView]
    unreadable: dict[str, list[str]] = Field(
        default_factory=dict, description="keys of entries that cannot be read, by store"
    )


class DistributionPage(View):
    """A page of the catalogue; `next` is the URL of the next page or null."""

    items: list[DistributionSummary]
    next: str | None
    total: int


class BuildPageView(View):
    """A page of builds; `next` is the URL of the next page or null."""

    items: list[BuildView]
    next: str | None
    total: int


class LogLine(View):
    """Data of the SSE event `line`; the event's id is where to go on."""

    lines: list[str]


class LogEnd(View):
    """Data of the SSE event `end`: the log is complete."""

    state: str


class ChangeHint(View):
    """Data of the SSE event `change`: something in the catalogue is new, so ask again for what is shown."""

    version: int = Field(description="grows with every change; starts anew when the server does")


class SourceList(View):
    """Every watched source."""

    items: list[SourceView]


class ArtifactInfo(ArtifactView):
    """A file to download, and the build that made it."""

    name: str
    version: str
    platform: str
    build: str
    build_url: str
    digest_url: str = Field(description="where these very bytes stay", examples=["/dl/sha256/5f70…"])
    checksum_url: str = Field(description="a line for `sha256sum -c`")


class IndexView(View):
    """Where things are."""

    version: str
    distributions: str = "/api/v1/distributions"
    builds: str = "/api/v1/builds"
    sources: str = "/api/v1/sources"
    status: str = "/api/v1/status"
    events: str = "/api/v1/events"
    openapi: str = "/api/v1/openapi.json"
