"""Sources, builders and how the whole is, as the JSON of the API."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads it

from pydantic import Field

from wombat_gitops.api.views.base import ConditionView, View


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
    state: str = Field(
        "",
        description="in one word: `Ready` only at the newest commit seen, with all its builds requested",
        examples=["Ready", "Progressing", "NotReady", "Unwatched", "Unread", "FetchFailed", "InvalidManifest"],
    )
    observed_revision: str = Field("", description="newest commit seen at the tip of the branch, used or not")
    applied_revision: str = Field("", description="newest commit whose builds were requested; as `revision`")
    observed_by: str = Field("", description="why it is known", examples=["poll", "webhook"])
    polled_at: datetime | None = Field(None, description="last look, or one of the five minutes before it")
    due_at: datetime | None = Field(None, description="when it is overdue: nobody watches it any more; null: not known")
    pushed_at: datetime | None = Field(None, description="last message of the git host")
    verified: bool | None = Field(None, description="whether that commit is signed; null where that is not demanded")
    signer: str = Field("", description="who signed it")
    status_error: str = Field("", description="why the git host could not be told how the builds went")
    problem_count: int = Field(0, description="what makes manifests unusable; `/sources/{source}` tells each")


class DiagnosticView(View):
    """What is wrong with a file, and where."""

    rule: str = Field(examples=["WOM-010"])
    rule_url: str = Field(description="what the rule says", examples=["/docs/rules#WOM-010"])
    severity: str = Field(examples=["error", "warning", "hint"])
    message: str
    hint: str = Field(description="what to do, or empty")
    path: str = Field(description="in the repository")
    line: int = Field(description="from 1; 0 where the whole file is meant")
    column: int = Field(description="from 1, in characters; 0 where the whole file is meant")
    end_column: int = Field(description="column behind the last character on that line; 0 where it is not known")
    source_line: str = Field(description="the text of that line; empty where it is not known")
    html_url: str = Field(description="the file at this commit on its git host; empty where that is not known")
    text: str = Field(description="as `wombat validate` prints it, with a caret below the place")


class SourceDetailView(SourceView):
    """A watched repository with everything that is wrong in it."""

    problems: list[DiagnosticView] = Field(description="of `revision`, by path; the first hundred at most")
    more_problems: int = Field(description="how many others there are")


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
    sandbox: str = Field(
        "",
        description="how it contains packages while it builds and runs them: `bubblewrap` (namespaces and seccomp), "
        "`landlock` (no namespaces) or `none` (they have the builder's rights); empty for builders of earlier releases",
        examples=["bubblewrap", "landlock", "none"],
    )


class WorkView(View):
    """A build that a builder has in hand."""

    build: str
    build_url: str
    name: str
    version: str
    platform: str
    started_at: datetime
    step: str = Field(description="the step that runs now; empty between two steps")
    step_started_at: datetime | None


class BuilderWorkView(BuilderView):
    """A builder that is at work, and what it builds now."""

    builds: list[WorkView] = Field(description="longest at it first")


class BuilderList(View):
    """A page of the builders that show signs of life; `next` is the URL of the next page or null."""

    items: list[BuilderWorkView]
    next: str | None
    total: int


class EndedBuildView(View):
    """An attempt that a builder ended."""

    build: str
    build_url: str
    name: str
    version: str
    platform: str
    attempt: int
    started_at: datetime
    ended_at: datetime
    ended_as: str = Field(examples=["succeeded", "failed", "cancelled", "superseded", "lost", "released"])
    reason: str = Field(description="why it failed, in one word; empty where it did not")


class BuilderStartView(BuilderWorkView):
    """One process of a builder, and when it was heard of."""

    seen_at: datetime | None = Field(description="its newest sign of life; it shows one every few seconds")


class BuilderDetailView(View):
    """A builder by its name, over all its starts: what it does and what it did."""

    name: str
    at_work: bool = Field(description="it shows signs of life")
    starts: list[BuilderStartView] = Field(description="its processes that are at work, one as a rule")
    recent: list[EndedBuildView] = Field(description="the newest attempts that it ended, a hundred at most")
    succeeded: int = Field(description="of `recent`")
    failed: int = Field(description="of `recent`")
    lost: int = Field(description="of `recent`: the builder fell silent")
    failure_rate: float | None = Field(
        description="0 to 1: `failed` and `lost` among those that ended in one of the three; null where none did"
    )


class HealthReasonView(View):
    """One thing that is not as it should be."""

    code: str = Field(
        examples=[
            "broker-away",
            "catalogue-old",
            "no-service",
            "no-watcher",
            "no-builder",
            "heartbeats-unknown",
            "store-full",
            "no-fitting-builder",
            "builder-quarantined",
            "source-unwatched",
            "source-not-ready",
            "store-damaged",
        ]
    )
    message: str = Field(description="for people: what it is, and what it means")
    since: datetime | None = Field(description="null where that is not known")
    html_url: str = Field(description="where the website tells more", examples=["/sources#main"])


class HealthView(View):
    """The verdict, and everything that speaks against `ok`, worst first."""

    state: str = Field(examples=["ok", "degraded", "down"])
    reasons: list[HealthReasonView]


class StatusView(View):
    """Is it down? Answered here."""

    version: str
    health: HealthView
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


class ChangeHint(View):
    """Data of the SSE event `change`: something in the catalogue is new, so ask again for what is shown."""

    version: int = Field(description="grows with every change; starts anew when the server does")


class SourceList(View):
    """A page of the watched sources; `next` is the URL of the next page or null."""

    items: list[SourceView]
    next: str | None
    total: int


class IndexView(View):
    """API index."""

    version: str
    distributions: str = "/api/v1/distributions"
    packages: str = "/api/v1/packages"
    components: str = "/api/v1/components"
    search: str = Field("/api/v1/search", description="takes `?q=`")
    builds: str = "/api/v1/builds"
    queue: str = "/api/v1/queue"
    sources: str = "/api/v1/sources"
    builders: str = "/api/v1/builders"
    status: str = "/api/v1/status"
    events: str = "/api/v1/events"
    openapi: str = "/api/v1/openapi.json"
