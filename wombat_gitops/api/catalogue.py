"""Routes that list and tell: distributions, builds, sources, artifacts, status."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from wombat_gitops.api.answers import answer, get, tagged
from wombat_gitops.api.context import Context  # noqa: TC001 - read by FastAPI
from wombat_gitops.api.present import base, builds, distributions, service
from wombat_gitops.api.views.base import ArtifactInfo
from wombat_gitops.api.views.builds import BuildPageView, BuildView
from wombat_gitops.api.views.contents import ContentsView
from wombat_gitops.api.views.distributions import DistributionPage, DistributionView
from wombat_gitops.api.views.service import BuilderList, IndexView, SourceList, SourceView, StatusView
from wombat_gitops.domain.catalogue import Health, Sync
from wombat_gitops.domain.errors import NotFound
from wombat_gitops.domain.lifecycle import BuildState  # noqa: TC001 - read by pydantic
from wombat_gitops.domain.messages import BuildQuery
from wombat_gitops.domain.model import Platform, PlatformField
from wombat_gitops.services.catalog_types import DistributionQuery

Text = Annotated[str, Field(max_length=200)]
Limit = Annotated[int, Field(ge=1, le=200, description="entries on a page")]
Cursor = Annotated[
    str,
    Field(max_length=200, description="from the `next` of the page before", json_schema_extra={"format": "cursor"}),
]
PlatformText = Annotated[
    PlatformField, WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(Platform.spellings())})$"})
]
BuildPath = Annotated[str, Path(description="a build's id, or at least its first 8 digits")]


_MANIFEST: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/yaml; charset=utf-8": {"schema": {"type": "object", "additionalProperties": True}}}}
}


class DistributionFilter(BaseModel):
    """Query parameters of the list of distributions."""

    model_config = ConfigDict(extra="forbid")

    q: Text = Field("", description="words that must all occur in name, version, description, packages or labels")
    label: Text = Field("", description="`key` or `key=value`")
    platform: PlatformText | None = Field(None, description="`linux/arm64`")
    sync: Literal["Synced", "OutOfSync", "Unknown"] | None = None
    health: Literal["Healthy", "Progressing", "Degraded", "Suspended", "Missing"] | None = None
    retired: bool | None = None
    cursor: Cursor = ""
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


def distribution_routes(context: Context) -> APIRouter:
    """Distributions: list, one, its manifest."""
    router = APIRouter()

    @get(router, "/distributions", response_model=DistributionPage, tags=["distributions"])
    async def list_distributions(request: Request, filters: Annotated[DistributionFilter, Query()]) -> Response:
        """Distributions by name."""
        catalog = context.ready()
        page = catalog.distributions(
            DistributionQuery(
                q=filters.q,
                label=filters.label,
                platform=str(filters.platform) if filters.platform else "",
                sync=Sync(filters.sync) if filters.sync else None,
                health=Health(filters.health) if filters.health else None,
                retired=filters.retired,
                cursor=filters.cursor,
                limit=filters.limit,
            )
        )
        following = next_page(request, filters, page.next)
        items = [distributions.summary(catalog, record) for record in page.items]
        return answer(request, DistributionPage(items=items, next=following, total=page.total), next_page=following)

    @get(router, "/distributions/{name}", response_model=DistributionView, tags=["distributions"])
    async def get_distribution(request: Request, name: str) -> Response:
        """Everything about one distribution."""
        catalog = context.ready()
        return answer(request, distributions.distribution(catalog, catalog.distribution(name)))

    @get(router, "/distributions/{name}/manifest", response_class=_Yaml, responses=_MANIFEST, tags=["distributions"])
    async def get_manifest(request: Request, name: str) -> Response:
        """The manifest as it was written."""
        record = context.ready().distribution(name)
        return tagged(request, _Yaml(record.manifest))

    return router


def build_routes(context: Context) -> APIRouter:
    """Builds: list, one, what is inside."""
    router = APIRouter()

    @get(router, "/builds", response_model=BuildPageView, tags=["builds"])
    async def list_builds(request: Request, filters: Annotated[BuildFilter, Query()]) -> Response:
        """Builds, newest first."""
        catalog = context.ready()
        page = catalog.builds(BuildQuery(**dict(filters)))
        following = next_page(request, filters, page.next)
        items = [builds.build(catalog, record) for record in page.items]
        return answer(request, BuildPageView(items=items, next=following, total=page.total), next_page=following)

    @get(router, "/builds/{build}", response_model=BuildView, tags=["builds"])
    async def get_build(request: Request, build: BuildPath) -> Response:
        """One build with its attempts."""
        catalog = context.ready()
        return answer(request, builds.build(catalog, catalog.build(build)))

    @get(router, "/builds/{build}/contents", response_model=ContentsView, tags=["builds"])
    async def get_contents(request: Request, build: BuildPath) -> Response:
        """What is inside the program that a build made: packages, components, modules and licences."""
        record = context.ready().build(build)
        inside = await context.contents_of(record)
        if inside is None:
            msg = f"what is inside build `{record.id[:12]}` is not known"
            raise NotFound(msg, hint=f"it is known of builds that succeeded; this one is {record.state.value}")
        return answer(request, builds.contents(record.id, inside))

    return router


def service_routes(context: Context) -> APIRouter:
    """Where things are, how they are, and what a digest stands for."""
    router = APIRouter()

    @get(router, "", response_model=IndexView, tags=["service"])
    async def index(request: Request) -> Response:
        """Where things are."""
        return answer(request, IndexView(version=context.version))

    @get(router, "/sources", response_model=SourceList, tags=["service"])
    async def list_sources(request: Request) -> Response:
        """The watched repositories."""
        catalog = context.ready()
        looks = catalog.looks()
        items = [service.source(record, looks.get(record.id)) for record in catalog.sources()]
        return answer(request, SourceList(items=items))

    @get(router, "/sources/{source}", response_model=SourceView, tags=["service"])
    async def get_source(request: Request, source: str) -> Response:
        """One watched repository."""
        catalog = context.ready()
        record = next((each for each in catalog.sources() if each.id == source), None)
        if record is None:
            msg = f"there is no source `{source[:80]}`"
            raise NotFound(msg)
        return answer(request, service.source(record, catalog.looks().get(record.id)))

    @get(router, "/builders", response_model=BuilderList, tags=["service"])
    async def list_builders(request: Request) -> Response:
        """The builders that are at work, and what each builds now."""
        return answer(request, BuilderList(items=service.builders(context.ready())))

    @get(router, "/status", response_model=StatusView, tags=["service"])
    async def get_status(request: Request) -> Response:
        """How the whole is; answered even before the catalogue was read."""
        return answer(request, service.status(context.version, context.catalog.status(), context.catalog.looks()))

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


class _Yaml(Response):
    media_type = "application/yaml; charset=utf-8"


def next_page(request: Request, filters: BaseModel, cursor: str) -> str | None:
    """The address of the page behind *cursor*; None where there is none."""
    if not cursor:
        return None
    parameters = filters.model_dump(mode="json", exclude_defaults=True, exclude={"cursor"})
    return f"{request.url.path}?{urlencode({**parameters, 'cursor': cursor})}"
