"""Routes about components: what all programs hold, and the JSON Schema of their configuration."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from wombat_gitops.api.answers import answer, get, tagged
from wombat_gitops.api.catalogue import BuildPath, Limit, Text, next_page
from wombat_gitops.api.context import Context  # noqa: TC001 - read by FastAPI
from wombat_gitops.api.headers import named
from wombat_gitops.api.present import components
from wombat_gitops.api.views.components import BuildComponents, ComponentDetail, ComponentList
from wombat_gitops.domain.errors import NotFound
from wombat_gitops.domain.records import BuildRecord, BuildState
from wombat_gitops.domain.reference import Kind, Status  # noqa: TC001 - read by FastAPI
from wombat_gitops.services.component_search import CURSOR, ComponentQuery
from wombat_gitops.services.reference_index import newest_told

_SCHEMA: Final = "application/schema+json"
_SCHEMAS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {_SCHEMA: {"schema": {"type": "object", "additionalProperties": True}}}}
}
_IMMUTABLE: Final = "public, max-age=31536000, immutable"


class ComponentFilter(BaseModel):
    """Query parameters of the list of components."""

    model_config = ConfigDict(extra="forbid")

    q: Text = Field("", description="words that must all occur in name, kind, categories, texts or fields")
    kind: Kind | None = None
    status: Status | None = None
    distribution: Text = Field("", description="only what it has, in its own words")
    package: Text = Field("", description="a full import path or the last part of one")
    cursor: str = Field("", pattern=f"^$|{CURSOR}", description="from the `next` of the page before")
    limit: Limit = 50


class ComponentChoice(BaseModel):
    """Query parameters of one component."""

    model_config = ConfigDict(extra="forbid")

    distribution: Text = Field("", description="whose description to tell; by default that of the newest Benthos")


def component_routes(context: Context) -> APIRouter:
    """Components of all distributions: list, one."""
    router = APIRouter(tags=["components"])

    @get(router, "/components", response_model=ComponentList)
    async def list_components(request: Request, filters: Annotated[ComponentFilter, Query()]) -> Response:
        """Components of the newest good build of every distribution, best match first, else by kind and name."""
        context.ready()
        board = await context.references.caught_up()
        wanted = filters.model_dump(exclude_none=True)
        page = board.page(ComponentQuery(**wanted))
        following = next_page(request, filters, page.next)
        view = ComponentList(
            items=list(map(components.summary, page.items)),
            next=following,
            total=page.total,
            facets=components.facets(page.facets),
            complete=context.references.complete,
        )
        return answer(request, view, next_page=following, kept=view.complete)

    @get(router, "/components/{kind}/{name}", response_model=ComponentDetail)
    async def get_component(
        request: Request, kind: Kind, name: str, choice: Annotated[ComponentChoice, Query()]
    ) -> Response:
        """One component: its fields, examples, and the distributions that have it."""
        context.ready()
        board = await context.references.caught_up()
        detail = components.detail(*board.get(kind, name, choice.distribution))
        return answer(request, detail, kept=context.references.complete)

    return router


def reference_routes(context: Context) -> APIRouter:
    """What the program of one build says of itself, and the schema that editors use."""
    router = APIRouter()

    @get(router, "/builds/{build}/components", response_model=BuildComponents, tags=["builds"])
    async def list_build_components(request: Request, build: BuildPath) -> Response:
        """Every component of a build's program, in its own words."""
        record = context.ready().build(build)
        reference = await context.references.read(record)
        if reference is None:
            raise _unknown(record)
        return answer(request, components.of_build(record.id, reference))

    @get(router, "/builds/{build}/config-schema", response_class=_Schema, responses=_SCHEMAS, tags=["builds"])
    async def get_build_schema(request: Request, build: BuildPath) -> Response:
        """The JSON Schema of the configuration of a build's program."""
        record = context.ready().build(build)
        whole = build == record.id
        return await schema_of(request, record, cache=_IMMUTABLE if whole else "no-cache")

    @get(
        router,
        "/distributions/{name}/config-schema",
        response_class=_Schema,
        responses=_SCHEMAS,
        tags=["distributions"],
    )
    async def get_config_schema(request: Request, name: str) -> Response:
        """The JSON Schema of the configuration of the newest good program of a distribution, for editors."""
        catalog = context.ready()
        record = newest_told(catalog, name)
        if record is None:
            catalog.distribution(name)
            msg = f"no program of `{name}` has told the schema of its configuration yet"
            raise NotFound(msg, hint="it is known once a build for the platform of its builder has succeeded")
        return await schema_of(request, record, cache="no-cache")

    async def schema_of(request: Request, record: BuildRecord, cache: str) -> Response:
        text = await context.references.config_schema(record)
        if record.reference is None:
            raise _unknown(record)
        if not text:
            msg = f"the program of build `{record.id[:12]}` does not tell the schema of its configuration"
            raise NotFound(msg, hint="newer releases of Benthos do")
        name = f"{record.spec.name}_{record.spec.version}.schema.json"
        return tagged(request, _Schema(text, headers=named(name)), cache=cache)

    return router


class _Schema(Response):
    media_type = _SCHEMA


def _unknown(record: BuildRecord) -> NotFound:
    msg = f"what the program of build `{record.id[:12]}` says of its components is not known"
    if record.state is not BuildState.SUCCEEDED:
        return NotFound(msg, hint=f"it is known of builds that succeeded; this one is {record.state.value}")
    return NotFound(msg, hint="it was built on another platform than its own, or does not tell; its log says which")
