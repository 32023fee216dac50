"""`wombat logs`: the log of a build, whole or as it comes."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.api.views.builds import BuildPageView, BuildView, LogEnd, LogLine
from wombat_gitops.cli import text
from wombat_gitops.cli.client import ApiClient
from wombat_gitops.domain.errors import NotFound, Unreachable
from wombat_gitops.wiring.addresses import api_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from wombat_gitops.settings import Settings

_BUILD_ID: Final = re.compile(r"[0-9a-f]{8,64}")
_RETRY_SECONDS: Final = 2.0
_PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What to show of which log; `tail` None means all."""

    follow: bool = False
    tail: int | None = None
    failed: bool = False
    platform: str = ""


def logs(settings: Settings, words: str, options: LogOptions) -> None:
    """Print a log. Raises `NotFound`, and `Unreachable` where the server went away for good."""
    client = ApiClient(api_address(settings))
    build = _find(client, words, options)
    text.note(
        text.paint(
            f"# {build.name} {build.version} {build.platform}, build {build.id[:12]}: {build.state}",
            text.Style.DIM,
            sys.stderr,
        )
    )
    if options.follow and build.state in {"queued", "running"}:
        follow_log(client, build, options.tail)
        return
    if options.tail == 0:
        return
    with client.open(build.log_url, {"tail": options.tail} if options.tail else None) as body:
        shown = text.Passing(sys.stdout)
        for block in body.blocks:
            shown.write(block)
        shown.close()


def follow_log(
    client: ApiClient, build: BuildView, tail: int | None, sleep: Callable[[float], None] = time.sleep
) -> str:
    """Print lines until the build has ended and return its state; a lost stream goes on where it broke off."""
    place, first = "", True
    away = time.monotonic()
    while True:
        try:
            for event in client.events(build.log_stream_url, after=place):
                away = time.monotonic()
                place = event.id or place
                if event.kind == "end":
                    state = LogEnd.model_validate_json(event.data).state
                    text.note(text.paint(f"# {state}", text.STATE_STYLES.get(state), sys.stderr))
                    return state
                if event.kind == "line":
                    lines = LogLine.model_validate_json(event.data).lines
                    _print(lines if tail is None or not first else lines[len(lines) - min(tail, len(lines)) :])
                    first = False
        except Unreachable as error:
            if time.monotonic() - away > _PATIENCE_SECONDS:
                raise
            text.note(f"# {error.message}, trying again")
        sleep(_RETRY_SECONDS)


def _print(lines: list[str]) -> None:
    text.out("".join(f"{line}\n" for line in lines), end="")
    sys.stdout.flush()


def _find(client: ApiClient, words: str, options: LogOptions) -> BuildView:
    if _BUILD_ID.fullmatch(words):
        try:
            return client.get(f"/api/v1/builds/{words}", BuildView)
        except NotFound:
            if len(words) > 63:  # noqa: PLR2004 - no distribution's name is so long
                raise
    query: dict[str, str | int] = {"name": words, "limit": 1}
    if options.failed:
        query["state"] = "failed"
    if options.platform:
        query["platform"] = options.platform
    found = client.get("/api/v1/builds", BuildPageView, query).items
    if not found:
        kind = "failed build" if options.failed else "build"
        msg = f"there is no {kind} of `{words}`{f' for `{options.platform}`' if options.platform else ''}"
        raise NotFound(msg, hint="`wombat list builds` shows those there are")
    return found[0]
