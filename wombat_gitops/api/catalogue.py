"""Routes that list and tell: distributions, builds, sources, artifacts, status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Protocol, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from wombat_gitops.api.answers import answer, get, tagged
from wombat_gitops.api.context import Context  # noqa: TC001 - read by FastAPI
from wombat_gitops.api.headers import named
from wombat_gitops.api.present import base, builds, distributions, service
from wombat_gitops.api.rows import Rows
from wombat_gitops.api.sparse import PARAMETER, wanted
from wombat_gitops.api.views.base import ArtifactInfo
from wombat_gitops.api.views.builds import BuildDetail, BuildPageView, QueueView
from wombat_gitops.api.views.contents import ContentsView
from wombat_gitops.api.views.distributions import DistributionPage, DistributionView
from wombat_gitops.api.views.service import (
    BuilderDetailView,
    BuilderList,
    IndexView,
    SourceDetailView,
    SourceList,
    StatusView,
)
from wombat_gitops.domain.catalogue import Health, Sync
from wombat_gitops.domain.cursors import CURSOR
from wombat_gitops.domain.errors import NotFound
from wombat_gitops.domain.messages import BuildQuery
from wombat_gitops.domain.platforms import Platform, PlatformField
from wombat_gitops.domain.readme import own_readme
from wombat_gitops.domain.records import BuildState
from wombat_gitops.services.catalog_types import DistributionQuery, Sort

if TYPE_CHECKING:
    from collections.abc import Sequence

Text = Annotated[str, Field(max_length=200)]
Limit = Annotated[int, Field(ge=1, le=200, description="entries on a page")]
Cursor = Annotated[
    str,
    Field(max_length=200, description="from the `next` of the page before", json_schema_extra={"format": "cursor"}),
]
PlatformText = Annotated[
    PlatformField, WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(Platform.spellings())})$"})
]
BuilderPath = Annotated[str, Path(description="a builder's name, as `wombat drain` takes it")]
BuildPath = Annotated[str, Path(description="a build's id, or at least its first 8 digits")]


_MANIFEST: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/yaml; charset=utf-8": {"schema": {"type": "object", "additionalProperties": True}}}}
}

_README: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/markdown; charset=utf-8": {"schema": {"type": "string"}}}}
}


State = Literal[
    "Synced",
    "OutOfSync",
    "Unknown",
    "Healthy",
    "Progressing",
    "Degraded",
    "Suspended",
    "Missing",
    "Withdrawn",
    "Retired",
]
Place = Annotated[str, Field(pattern=f"^$|{CURSOR}", description="from the `next` of the page before")]


class DistributionFilter(BaseModel):
    """Query parameters of the list of distributions."""

    model_config = ConfigDict(extra="forbid")

    q: Text = Field("", description="words that must all occur in name, version, description, packages or labels")
    label: Text = Field("", description="`key` or `key=value`")
    platform: PlatformText | None = Field(None, description="`linux/arm64`")
    license: Text = Field("", description="SPDX identifier of what is compiled in, or what the manifest says")
    state: State | None = Field(None, description="a word of sync or health; what is withdrawn has no other health")
    package: Text = Field("", description="a full import path or the last part of one")
    sync: Literal["Synced", "OutOfSync", "Unknown"] | None = None
    health: Literal["Healthy", "Progressing", "Degraded", "Suspended", "Missing"] | None = None
    retired: bool = Field(default=False, description="also those whose manifest is gone")
    sort: Sort | None = Field(None, description="by relevance where `q` is given and by name else, unless set")
    cursor: Place = ""
    limit: Limit = 50


class BuildFilter(BaseModel):
    """Query parameters of the list of builds."""

    model_config = ConfigDict(extra="forbid")

    q: Text = Field("", description="words that must all occur in name, version, platform, packages, state or revision")
    name: Text = ""
    version: Text = ""
    platform: PlatformText | None = Field(None, description="`linux/arm64`")
    package: Text = Field("", description="a full import path or the last part of one")
    state: BuildState | None = None
    revision: Text = Field("", description="a commit or its beginning")
    cursor: Cursor = ""
    limit: Limit = 50


class QueueFilter(BaseModel):
    """Query parameters of the queue."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[int, Field(ge=0, le=1_000_000, description="only builds behind this position")] = 0
    limit: Limit = 50


class ServiceFilter(BaseModel):
    """Query parameters of a list that is short as a rule, and ordered by id."""

    model_config = ConfigDict(extra="forbid")

    cursor: Cursor = ""
    limit: Annotated[int, Field(ge=1, le=200, description="entries on a page")] = 200


def distribution_routes(context: Context) -> APIRouter:
    """Distributions: list, one, its manifest."""
    router = APIRouter()
    rows = Rows(
        context.catalog,
        key=lambda record: record.name,
        around=distributions.around,
        row=distributions.summary,
        ages=lambda _: False,
    )

    @get(router, "/distributions", response_model=DistributionPage, tags=["distributions"])
    async def list_distributions(request: Request, filters: Annotated[DistributionFilter, Query()]) -> Response:
        """Distributions, and what each further filter would leave of them."""
        catalog = context.ready()
        page = catalog.distributions(
            DistributionQuery(
                q=filters.q,
                label=filters.label,
                platform=str(filters.platform) if filters.platform else "",
                license=filters.license,
                state=filters.state or "",
                package=filters.package,
                sync=Sync(filters.sync) if filters.sync else None,
                health=Health(filters.health) if filters.health else None,
                retired=filters.retired,
                sort=filters.sort,
                cursor=filters.cursor,
                limit=filters.limit,
            )
        )
        following = next_page(request, filters, page.next)
        facets = distributions.facets(page.facets)
        frame = DistributionPage(items=[], next=following, total=page.total, facets=facets, retired=page.retired)
        return rows.answer(request, frame, page.items, next_page=following)

    @get(router, "/distributions/{name}", response_model=DistributionView, tags=["distributions"])
    async def get_distribution(request: Request, name: str) -> Response:
        """Everything about one distribution."""
        catalog = context.ready()
        return answer(request, distributions.distribution(catalog, catalog.distribution(name)), kept=True)

    @get(router, "/distributions/{name}/manifest", response_class=_Yaml, responses=_MANIFEST, tags=["distributions"])
    async def get_manifest(request: Request, name: str) -> Response:
        """The manifest as it was written."""
        record = context.ready().distribution(name)
        return tagged(request, _Yaml(record.manifest, headers=named(f"{record.name}.yaml")), kept=True)

    @get(router, "/distributions/{name}/readme", response_class=_Markdown, responses=_README, tags=["distributions"])
    async def get_readme(request: Request, name: str) -> Response:
        """The text in Markdown beside the manifest, as it was written."""
        record = context.ready().distribution(name)
        if not record.readme:
            msg = f"`{record.name}` has no README"
            raise NotFound(msg, hint=f"it would be `{own_readme(record.path)}`, beside its manifest")
        return tagged(request, _Markdown(record.readme, headers=named(f"{record.name}.md")), kept=True)

    return router


def build_routes(context: Context) -> APIRouter:
    """Builds: list, one, what is inside."""
    router = APIRouter()
    rows = Rows(
        context.catalog,
        key=lambda record: record.id,
        around=builds.around,
        row=builds.row,
        ages=lambda record: record.state is BuildState.QUEUED,
    )

    @get(router, "/builds", response_model=BuildPageView, tags=["builds"])
    async def list_builds(request: Request, filters: Annotated[BuildFilter, Query()]) -> Response:
        """Builds, newest first."""
        catalog = context.ready()
        page = catalog.builds(BuildQuery(**dict(filters)))
        following = next_page(request, filters, page.next)
        frame = BuildPageView(items=[], next=following, total=page.total)
        return rows.answer(request, frame, page.items, next_page=following)

    @get(router, "/queue", response_model=QueueView, tags=["builds"])
    async def list_queue(request: Request, filters: Annotated[QueueFilter, Query()]) -> Response:
        """Builds that wait, in the order in which they are taken. It moves on: read it again rather than far."""
        catalog = context.ready()
        order = catalog.lineup.order(catalog.version)
        behind = filters.after + filters.limit
        shown = enumerate(order[filters.after : behind], filters.after + 1)
        following = next_page(request, filters, behind if behind < len(order) else 0, "after")
        items = [builds.queue_entry(catalog, record, position) for position, record in shown]
        return answer(request, QueueView(items=items, next=following, total=len(order)), next_page=following)

    @get(router, "/builds/{build}", response_model=BuildDetail, tags=["builds"])
    async def get_build(request: Request, build: BuildPath) -> Response:
        """One build with its attempts, and its place in the queue."""
        catalog = context.ready()
        return answer(request, builds.detail(catalog, catalog.build(build)), kept=True)

    @get(router, "/builds/{build}/contents", response_model=ContentsView, tags=["builds"])
    async def get_contents(request: Request, build: BuildPath) -> Response:
        """What is inside the program that a build made: packages, components, modules and licences."""
        record = context.ready().build(build)
        inside = await context.contents_of(record)
        if inside is None:
            msg = f"what is inside build `{record.id[:12]}` is not known"
            raise NotFound(msg, hint=f"it is known of builds that succeeded; this one is {record.state.value}")
        return answer(request, builds.contents(record.id, inside), kept=True)

    return router


def service_routes(context: Context) -> APIRouter:
    """Where things are, how they are, and what a digest stands for."""
    router = APIRouter()

    @get(router, "", response_model=IndexView, tags=["service"])
    async def index(request: Request) -> Response:
        """API index."""
        return answer(request, IndexView(version=context.version))

    @get(router, "/sources", response_model=SourceList, tags=["service"])
    async def list_sources(request: Request, filters: Annotated[ServiceFilter, Query()]) -> Response:
        """The watched repositories, by id."""
        catalog = context.ready()
        known = catalog.sources()
        shown, cursor = _behind(known, filters)
        following = next_page(request, filters, cursor)
        items = service.sources(catalog, shown)
        view = SourceList(items=items, next=following, total=len(known))
        return answer(request, view, next_page=following, kept=True)

    @get(router, "/sources/{source}", response_model=SourceDetailView, tags=["service"])
    async def get_source(request: Request, source: str) -> Response:
        """One watched repository, with every problem of its manifests and where it is."""
        catalog = context.ready()
        record = next((each for each in catalog.sources() if each.id == source), None)
        if record is None:
            msg = f"there is no source `{source[:80]}`"
            raise NotFound(msg)
        return answer(request, service.source_detail(catalog, record))

    @get(router, "/builders", response_model=BuilderList, tags=["service"])
    async def list_builders(request: Request, filters: Annotated[ServiceFilter, Query()]) -> Response:
        """The builders that are at work, by id, and what each builds now."""
        known = service.builders(context.ready())
        shown, cursor = _behind(known, filters)
        following = next_page(request, filters, cursor)
        view = BuilderList(items=list(shown), next=following, total=len(known))
        return answer(request, view, next_page=following, kept=True)

    @get(router, "/builders/{builder}", response_model=BuilderDetailView, tags=["service"])
    async def get_builder(request: Request, builder: BuilderPath) -> Response:
        """One builder: what it builds now, what it ended lately, and whether it is heard of."""
        return answer(request, service.builder_detail(context.ready(), builder))

    @get(router, "/status", response_model=StatusView, tags=["service"])
    async def get_status(request: Request) -> Response:
        """How the whole is; answered even before the catalogue was read."""
        return answer(request, service.status(context.version, context.catalog))

    @get(router, "/artifacts/{sha256}", response_model=ArtifactInfo, tags=["artifacts"])
    async def get_artifact(request: Request, sha256: str) -> Response:
        """What a digest stands for."""
        catalog = context.ready()
        info = base.artifact_info(catalog, catalog.by_digest(sha256.removeprefix("sha256:")))
        if info is None:
            msg = f"there is no artifact `{sha256[:80]}`"
            raise NotFound(msg)
        return answer(request, info)

    return router


class _Known(Protocol):
    @property
    def id(self) -> str: ...


Entry = TypeVar("Entry", bound=_Known)


def _behind(known: Sequence[Entry], filters: ServiceFilter) -> tuple[Sequence[Entry], str]:
    """A page of what is ordered by id, and the cursor of the next one or "": the last id, gone by then or not."""
    rest = [each for each in known if each.id > filters.cursor]
    shown = rest[: filters.limit]
    return shown, shown[-1].id if len(rest) > len(shown) else ""


class _Yaml(Response):
    media_type = "application/yaml; charset=utf-8"


class _Markdown(Response):
    media_type = "text/markdown; charset=utf-8"


def next_page(request: Request, filters: BaseModel, place: str | int, parameter: str = "cursor") -> str | None:
    """The address of the page behind *place*, which *parameter* takes; None where there is none."""
    if not place:
        return None
    parameters = filters.model_dump(mode="json", exclude_defaults=True, exclude={parameter})
    fields = {PARAMETER: wanted(request)} if wanted(request) else {}
    return f"{request.url.path}?{urlencode({**parameters, **fields, parameter: place})}"
