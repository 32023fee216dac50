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
