"""Builds as the JSON of the API."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads it

from pydantic import Field

from wombat_gitops.api.views.base import ArtifactView, View


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
    sandbox: str = Field(
        "",
        description="how its builder contained packages while it built and ran them, as of `BuilderView`; "
        "empty where that was not recorded",
        examples=["bubblewrap", "landlock", "none"],
    )


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
    components_url: str | None = Field(description="what it says of its components; null where it was not asked")


class BuildPageView(View):
    """A page of builds; `next` is the URL of the next page or null."""

    items: list[BuildView]
    next: str | None
    total: int


class NeedsView(View):
    """What a build wants of a builder besides its platform."""

    cgo: bool = Field(description="a C compiler")
    memory: int = Field(description="bytes; 0: no demand")
    labels: dict[str, str]


class AheadView(View):
    """Builds of one source that are taken before."""

    source: str = Field(description="empty for people who asked for builds themselves")
    builds: int


class QueueEntryView(View):
    """A build that waits."""

    position: int = Field(description="1 for the build that is next")
    build: str
    build_url: str
    name: str
    version: str
    platform: str
    source: str
    priority: int = Field(description="higher ones are taken first")
    requested_at: datetime
    queued_at: datetime = Field(description="since when it waits; later than `requested_at` after a try that failed")
    not_before: datetime | None
    waiting_for: str = Field(description="why it has not started", examples=["all 2 workers are busy"])
    needs: NeedsView
    builders: list[str] = Field(description="names of the builders at work that could take it")
    ahead: list[AheadView] = Field(description="what is taken before it, by source, most first")


class QueueView(View):
    """The queue, in the order in which builders that can do everything take it; `next` is the URL of the rest."""

    items: list[QueueEntryView]
    next: str | None
    total: int


class BuildDetail(BuildView):
    """One build, and its place in the queue."""

    queue: QueueEntryView | None = Field(description="null when it is not queued")
    lost: str = Field(description="what became of its artifact if that is not good; else empty", examples=["Missing"])


class BuildEnd(View):
    """Data of the SSE event `end`: the build has ended, and there is nothing more to follow."""

    state: str


class LogLine(View):
    """Data of the SSE event `line`; the event's id is where to go on."""

    first: int = Field(1, description="number of the first of these lines, from 1")
    lines: list[str]


class LogEnd(View):
    """Data of the SSE event `end`: the log is complete."""

    state: str
    total: int = Field(0, description="lines in all")
    kept: bool = Field(default=True, description="false where there is no log, or it is not kept any more")


class LogRange(View):
    """Some lines of a log."""

    first: int = Field(description="number of the first of these lines, from 1")
    lines: list[str] = Field(description="fewer than were asked for where they are very long, or there are no more")
    total: int = Field(description="lines so far")
    complete: bool = Field(description="no more lines come")


class LogMatchView(View):
    """A line that holds what was looked for."""

    line: int = Field(description="its number, from 1")
    text: str = Field(description="at most 500 characters of it")


class LogMatches(View):
    """Lines that hold what was looked for; `next` is the URL of the next ones or null."""

    items: list[LogMatchView]
    next: str | None
    total: int = Field(description="matching lines of the whole log, counted to at most 10,000")
    bounded: bool = Field(description="there are more than were counted")
    searched: int = Field(description="lines that were looked at, as many as there are so far")
