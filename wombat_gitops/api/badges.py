"""Badges: pictures for README files elsewhere that say how a distribution is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from xml.sax.saxutils import escape, quoteattr

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from wombat_gitops.api.answers import get, tagged
from wombat_gitops.api.catalogue import PlatformText  # noqa: TC001 - read by FastAPI
from wombat_gitops.api.fonts import text_width
from wombat_gitops.domain.catalogue import Health
from wombat_gitops.domain.errors import NotFound, Withdrawn
from wombat_gitops.domain.visible import visible_line
from wombat_gitops.services.versions import latest_build, latest_version, may_be_downloaded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wombat_gitops.api.context import Context
    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.services.catalog import Catalog

_CACHE: Final = "public, max-age=60"
_HEIGHT: Final = 20
_MARGIN: Final = 6
_GREEN, _RED, _AMBER, _BLUE, _GREY = "#1a7f37", "#cf222e", "#9a6700", "#0969da", "#57606a"
"""White text on each of them, and on the colour of the label, has a contrast of 4.5 or more."""
_LABEL: Final = "#3d444d"
_UNKNOWN: Final = ("unknown", _GREY)
_HEALTH: Final[Mapping[Health, tuple[str, str]]] = {
    Health.HEALTHY: ("built", _GREEN),
    Health.PROGRESSING: ("building", _BLUE),
    Health.DEGRADED: ("failed", _RED),
    Health.SUSPENDED: ("suspended", _AMBER),
    Health.MISSING: ("not built", _GREY),
}
_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "succeeded": ("built", _GREEN),
    "running": ("building", _BLUE),
    "queued": ("queued", _BLUE),
    "failed": ("failed", _RED),
}
_PICTURE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The picture; `unknown` where there is no such distribution or platform",
        "content": {"image/svg+xml": {"schema": {"type": "string"}}},
    },
    304: {"description": "The client has it"},
}


class BadgeOptions(BaseModel):
    """Query parameters of a badge."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["status", "version"] = Field("status", description="what it says")
    platform: PlatformText | None = Field(None, description="of this platform alone: `linux/arm64`")
    label: str = Field("", max_length=64, description="the words on the left; the distribution's name by default")


class _Svg(Response):
    media_type = "image/svg+xml"


def badge_routes(context: Context) -> APIRouter:
    """The routes below `/badge`."""
    router = APIRouter(tags=["feeds and badges"])

    @get(router, "/badge/{name}.svg", response_class=_Svg, responses=_PICTURE, summary="A badge of a distribution")
    async def get_badge(request: Request, name: str, options: Annotated[BadgeOptions, Query()]) -> Response:
        """A picture with the status or the latest version of a distribution, for pages elsewhere.

        A name that does not exist is a grey `unknown` with status 200: proxies of pictures do not show others.
        """
        words, colour = _said(context.ready(), name, options)
        return tagged(request, _Svg(draw(options.label or name[:64], words, colour)), cache=_CACHE)

    return router


def draw(label: str, words: str, colour: str) -> str:
    """The picture, as SVG that needs no style, script or font of its own."""
    label, words = visible_line(label), visible_line(words)
    left, right = (math.ceil(text_width(text)) + 2 * _MARGIN for text in (label, words))
    title = f"{label}: {words}"
    texts = "".join(
        f'<text x="{x}" y="14" textLength="{text_width(text):.1f}">{escape(text)}</text>'
        for text, x in ((label, _MARGIN), (words, left + _MARGIN))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT}" role="img"'
        f" aria-label={quoteattr(title)}><title>{escape(title)}</title>"
        f'<rect width="{left + right}" height="{_HEIGHT}" rx="3" fill="{colour}"/>'
        f'<path d="M3 0H{left}V{_HEIGHT}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="{_LABEL}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{texts}</g></svg>\n'
    )


def _said(catalog: Catalog, name: str, options: BadgeOptions) -> tuple[str, str]:
    try:
        record = catalog.distribution(name)
    except NotFound:
        return _UNKNOWN
    platform = str(options.platform) if options.platform else ""
    if options.kind == "version":
        return _version(catalog, record, platform)
    if record.withdrawn is not None and record.withdrawn.covers(record.version):
        return "withdrawn", _RED
    if record.retired:
        return "retired", _GREY
    return _platform(catalog, record, platform) if platform else _HEALTH[catalog.status_of(record).health]


def _version(catalog: Catalog, record: DistributionRecord, platform: str) -> tuple[str, str]:
    """What `latest` leads to: of the distribution, or on one platform."""
    try:
        if platform:
            return latest_build(catalog, record.name, platform).spec.version, _BLUE
        version = latest_version(catalog, record.name)
    except (NotFound, Withdrawn):
        return "none yet", _GREY
    good = any(may_be_downloaded(catalog, build) for build in version.builds.values())
    return (version.version, _BLUE) if good else ("none yet", _GREY)


def _platform(catalog: Catalog, record: DistributionRecord, platform: str) -> tuple[str, str]:
    for target in record.targets:
        if str(target.platform) == platform:
            build = catalog.known_builds().get(target.build)
            return _STATES.get(build.state.value, (build.state.value, _AMBER)) if build else ("not built", _GREY)
    return _UNKNOWN
