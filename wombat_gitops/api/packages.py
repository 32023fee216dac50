"""Routes about packages, and the search over everything."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from wombat_gitops.api.answers import answer, get
from wombat_gitops.api.catalogue import Limit, Place, Text, next_page
from wombat_gitops.api.context import Context  # noqa: TC001 - read by FastAPI
from wombat_gitops.api.present import packages
from wombat_gitops.api.views.packages import PackageDetail, PackageList, SearchView
from wombat_gitops.domain.searching import nearest, spread
from wombat_gitops.services.component_search import ComponentQuery
from wombat_gitops.services.package_index import PackageQuery

PackagePath = Annotated[str, Path(description="a full import path; its slashes may be written as they are")]


class PackageFilter(BaseModel):
    """Query parameters of the list of packages."""

    model_config = ConfigDict(extra="forbid")

    q: Text = Field("", description="words that must all occur in path, licences or names of components")
    module: Text = Field("", description="path of the module they are in")
    license: Text = Field("", description="SPDX identifier of what they bring in")
    distribution: Text = Field("", description="only what it has")
    cursor: Place = ""
    limit: Limit = 50


class SearchFilter(BaseModel):
    """Query parameters of the search."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(min_length=1, max_length=200, description="words that must all occur")]
    limit: Annotated[int, Field(ge=1, le=50, description="hits of each group")] = 5


def package_routes(context: Context) -> APIRouter:
    """Packages of all distributions: list, one."""
    router = APIRouter(tags=["packages"])

    @get(router, "/packages", response_model=PackageList)
    async def list_packages(request: Request, filters: Annotated[PackageFilter, Query()]) -> Response:
        """Packages that distributions are made of, best match first, else by path."""
        context.ready()
        page = context.packages.page(PackageQuery(**dict(filters)))
        following = next_page(request, filters, page.next)
        view = PackageList(
            items=list(map(packages.summary, page.items)),
            next=following,
            total=page.total,
            facets=packages.facets(page.facets),
        )
        return answer(request, view, next_page=following)

    @get(router, "/packages/{package:path}", response_model=PackageDetail)
    async def get_package(request: Request, package: PackagePath) -> Response:
        """One package: its versions and licences, what it registers, and the distributions that have it."""
        context.ready()
        return answer(request, packages.detail(context.packages.get(package)))

    return router


def search_routes(context: Context) -> APIRouter:
    """The search over everything."""
    router = APIRouter(tags=["search"])

    @get(router, "/search", response_model=SearchView)
    async def search(request: Request, filters: Annotated[SearchFilter, Query()]) -> Response:
        """Distributions, packages and components, the best of each first; without a hit, names that are like it."""
        catalog, board = context.ready(), await context.references.caught_up()
        q, limit = filters.q.strip(), filters.limit
        records, found = catalog.search(q), context.packages.found(q)
        components = board.page(ComponentQuery(q=spread(q), limit=limit)) if spread(q) else None
        groups = [
            packages.group("distribution", q, list(map(packages.distribution_hit, records[:limit])), len(records)),
            packages.group("package", q, list(map(packages.package_hit, found[:limit])), len(found)),
            packages.group(
                "component",
                q,
                list(map(packages.component_hit, components.items)) if components else [],
                components.total if components else 0,
            ),
        ]
        total = sum(group.total for group in groups)
        names = [] if total else [*catalog.known_distributions(), *context.packages.names, *board.names]
        return answer(request, SearchView(q=q, total=total, groups=groups, did_you_mean=list(nearest(q, names))))

    return router
