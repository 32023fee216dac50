"""Routes for people who compose a distribution: what there is to choose, and what becomes of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from wombat_gitops.api.answers import answer, get, tagged
from wombat_gitops.api.context import Context  # noqa: TC001 - read by FastAPI
from wombat_gitops.api.headers import named
from wombat_gitops.api.present import compose as present
from wombat_gitops.api.present.links import ROOT
from wombat_gitops.api.views.compose import ComposeChoices, ComposeView
from wombat_gitops.domain.compose import FIRST_VERSION, Choices, compose
from wombat_gitops.domain.manifest.modules import CONNECT_MODULE
from wombat_gitops.domain.model import CORE_MODULE, Module
from wombat_gitops.services.composing import FOLDER, Operator, around, find_source, versions_of
from wombat_gitops.services.package_facts import PackageFacts

if TYPE_CHECKING:
    from wombat_gitops.domain.catalogue import SourceRecord
    from wombat_gitops.domain.compose import Around, Composition
    from wombat_gitops.domain.known import Known
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.contents_index import ContentsIndex

_MANIFEST_PATH: Final = f"{ROOT}/compose/manifest"
_YAML: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/yaml; charset=utf-8": {"schema": {"type": "object", "additionalProperties": True}}}}
}


class Wishes(BaseModel):
    """Query parameters: what a person chose. What a manifest cannot hold is told in the answer and not refused."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=100)
    version: str = Field(FIRST_VERSION, max_length=100)
    benthos: str = Field("", max_length=150, description="version of Benthos; by default the newest one known")
    connect: str = Field("", max_length=150, description="version of Redpanda Connect")
    module: list[Annotated[str, Field(max_length=300)]] = Field(
        [], max_length=20, description="other modules, `path@version`"
    )
    package: list[Annotated[str, Field(max_length=200)]] = Field(
        [],
        max_length=150,
        description="a short name of Benthos or, where it has none such, of a chosen module; or an import path",
    )
    platform: list[Annotated[str, Field(max_length=40)]] = Field([], max_length=40)
    exclude: list[Annotated[str, Field(max_length=250)]] = Field(
        [], max_length=100, description="packages that platforms go without, `package:platform`"
    )
    tag: list[Annotated[str, Field(max_length=80)]] = Field([], max_length=20)
    cgo: bool = False
    license: str = Field("", max_length=300, description="an SPDX expression")
    description: str = Field("", max_length=600)
    source: str = Field("", max_length=200, description="id of the source it is proposed to; by default the only one")


def compose_routes(context: Context, contents: ContentsIndex, operator: Operator) -> APIRouter:
    """Compose a distribution, and what there is to choose from."""
    router = APIRouter(tags=["compose"])
    facts = PackageFacts(context.catalog, contents)

    async def made(wishes: Wishes) -> tuple[Composition, Around, SourceRecord | None]:
        catalog = context.ready()
        source = find_source(catalog, wishes.source)
        known = facts.known()
        surroundings = around(catalog, known, source, operator)
        chosen = _choices(wishes, catalog, known)
        folder = source.folder if source is not None else FOLDER
        return await asyncio.to_thread(compose, chosen, folder, surroundings), surroundings, source

    @get(router, "/compose", response_model=ComposeView)
    async def get_composition(request: Request, wishes: Annotated[Wishes, Query()]) -> Response:
        """The manifest of what was chosen, what is wrong with it, its licences, and where to propose it."""
        found, surroundings, source = await made(wishes)
        given = wishes.model_dump(exclude_defaults=True, exclude={"source"})
        query = urlencode([(key, _spelled(one)) for key, value in given.items() for one in _each(value)])
        view = present.composition(
            found,
            surroundings,
            source,
            operator,
            manifest_url=f"{_MANIFEST_PATH}?{query}",
        )
        return answer(request, view)

    @get(router, "/compose/choices", response_model=ComposeChoices)
    async def get_choices(request: Request) -> Response:
        """Versions, packages, platforms and sources that there are to choose from."""
        catalog = context.ready()
        known = facts.known()
        return answer(request, await asyncio.to_thread(present.choices, catalog, known, operator))

    @get(router, "/compose/manifest", response_class=_Yaml, responses=_YAML)
    async def get_composed_manifest(request: Request, wishes: Annotated[Wishes, Query()]) -> Response:
        """The manifest alone, as a file."""
        found, *_ = await made(wishes)
        name = found.path.rpartition("/")[2]
        response = _Yaml(found.manifest, headers=named(name, how="attachment"))
        return tagged(request, response)

    return router


def _choices(wishes: Wishes, catalog: Catalog, known: Known) -> Choices:
    modules = [_module(text) for text in wishes.module]
    if wishes.connect:
        modules.insert(0, Module(CONNECT_MODULE, wishes.connect))
    return Choices(
        name=wishes.name,
        version=wishes.version,
        benthos=wishes.benthos or versions_of(catalog, known)[CORE_MODULE][0].version,
        modules=tuple(dict.fromkeys(modules)),
        packages=tuple(dict.fromkeys(wishes.package)),
        platforms=tuple(dict.fromkeys(wishes.platform)),
        exclusions=tuple(dict.fromkeys(map(_exclusion, wishes.exclude))),
        tags=tuple(dict.fromkeys(wishes.tag)),
        cgo=wishes.cgo,
        license=wishes.license,
        description=wishes.description,
    )


def _module(text: str) -> Module:
    path, _, version = text.partition("@")
    return Module(path, version)


def _exclusion(text: str) -> tuple[str, str]:
    package, _, platform = text.rpartition(":")
    return package, platform


def _each(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _spelled(value: object) -> str:
    return "true" if value is True else str(value)


class _Yaml(Response):
    media_type = "application/yaml; charset=utf-8"
