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
    """Every builder that shows signs of life."""

    items: list[BuilderWorkView]


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


class ChangeHint(View):
    """Data of the SSE event `change`: something in the catalogue is new, so ask again for what is shown."""

    version: int = Field(description="grows with every change; starts anew when the server does")


class SourceList(View):
    """Every watched source."""

    items: list[SourceView]


class IndexView(View):
    """Where things are."""

    version: str
    distributions: str = "/api/v1/distributions"
    builds: str = "/api/v1/builds"
    sources: str = "/api/v1/sources"
    builders: str = "/api/v1/builders"
    status: str = "/api/v1/status"
    events: str = "/api/v1/events"
    openapi: str = "/api/v1/openapi.json"
