"""`wombat list` and `wombat get`: the catalogue as the HTTP API tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from wombat_gitops.api.views.builds import BuildPageView, BuildView
from wombat_gitops.api.views.distributions import DistributionPage, DistributionSummary, DistributionView
from wombat_gitops.api.views.service import SourceList, SourceView, StatusView
from wombat_gitops.cli import text
from wombat_gitops.cli.client import ApiClient
from wombat_gitops.domain.errors import NotFound
from wombat_gitops.wiring.addresses import api_address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wombat_gitops.settings import Settings

_PAGE: Final = 200
_SHORT_ID: Final = 12


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Filters of a list; `limit` 0 means no limit."""

    query: str = ""
    name: str = ""
    platform: str = ""
    state: str = ""
    limit: int = 50

    def parameters(self, *names: str) -> dict[str, str | int]:
        """Query parameters of the API for the filters that are set, of those that the list knows."""
        known = {"q": self.query, "name": self.name, "platform": self.platform, "state": self.state}
        chosen: dict[str, str | int] = {name: known[name] for name in names if known[name]}
        return chosen | {"limit": min(self.limit or _PAGE, _PAGE)}


class _Page(Protocol):
    @property
    def items(self) -> Sequence[Any]: ...
    @property
    def next(self) -> str | None: ...
    @property
    def total(self) -> int: ...


def list_(settings: Settings, kind: str, options: ListOptions, output: text.Output) -> None:
    """Print a list."""
    client = ApiClient(api_address(settings))
    match kind:
        case "builds":
            parameters = options.parameters("q", "name", "platform", "state")
            builds, total = pages(
                lambda url: client.get(url, BuildPageView, _first(url, parameters)), "builds", options.limit
            )
            _emit_list(builds, total, output, lambda: builds_table(builds))
        case "sources":
            sources, total = _sources(client, options.limit)
            _emit_list(sources, total, output, lambda: _sources_table(sources))
        case _:
            parameters = options.parameters("q", "platform")
            found, total = pages(
                lambda url: client.get(url, DistributionPage, _first(url, parameters)), "distributions", options.limit
            )
            _emit_list(found, total, output, lambda: _distributions_table(found))
    if output is text.Output.TABLE:
        tell_health(client.get("/api/v1/status", StatusView))


def tell_health(status: StatusView) -> None:
    """Say on standard error what is wrong with the system, as the API judges it."""
    for reason in status.health.reasons:
        text.note(f"{status.health.state}: {reason.code}: {reason.message}")


def get(settings: Settings, kind: str, name: str, output: text.Output) -> None:
    """Print one distribution, build or source. Raises `NotFound`."""
    client = ApiClient(api_address(settings))
    match kind:
        case "build":
            build = client.get(f"/api/v1/builds/{name}", BuildView)
            text.emit(build.model_dump(mode="json"), output, lambda: build_text(build))
        case "source":
            source = _source(client, name)
            text.emit(source.model_dump(mode="json"), output, lambda: _source_text(source))
        case _:
            distribution = client.get(f"/api/v1/distributions/{name}", DistributionView)
            text.emit(distribution.model_dump(mode="json"), output, lambda: _distribution_text(distribution))


def builds_table(builds: Sequence[BuildView]) -> str:
    """Builds, one a line."""
    now = datetime.now(UTC)
    rows: list[list[text.Cell]] = [
        [
            build.id[:_SHORT_ID],
            build.name,
            build.version,
            build.platform,
            text.state(build.state),
            text.age(build.changed_at, now),
            stage_text(build),
        ]
        for build in builds
    ]
    return text.table(["BUILD", "NAME", "VERSION", "PLATFORM", "STATE", "AGE", "DETAIL"], rows) if rows else ""


def stage_text(build: BuildView) -> str:
    """What to say of a build besides its state."""
    if build.state == "queued":
        return f"{build.position or '?'}. in the queue, {build.waiting_for}" if build.waiting_for else ""
    if build.state == "running" and build.attempts and build.attempts[-1].steps:
        return f"step {build.attempts[-1].steps[-1].step}"
    if build.failure is not None and build.state == "failed":
        return f"{build.failure.reason}: {build.failure.culprit or build.failure.message}"
    return build.artifact.file_name if build.artifact else ""


def build_text(build: BuildView) -> str:
    """A build for people."""
    now = datetime.now(UTC)
    pairs = [
        ("build", build.id),
        ("of", f"{build.name} {build.version} for {build.platform}"),
        ("state", text.paint(build.state, text.STATE_STYLES.get(build.state))),
        ("changed", f"{text.age(build.changed_at, now)} ago, {build.changed_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("detail", stage_text(build) if build.state in {"queued", "running"} else ""),
        ("toolchain", f"go {build.toolchain}"),
        ("packages", "\n".join(build.packages)),
        ("from", f"{build.path} at {build.revision[:_SHORT_ID]}" if build.path else ""),
    ]
    if build.artifact is not None:
        artifact = build.artifact
        pairs.append(("artifact", f"{artifact.file_name}, {text.size(artifact.size)}\nsha256 {artifact.sha256}"))
    attempts = []
    for attempt in build.attempts:
        steps = ", ".join(
            f"{step.step} {text.span(step.seconds) if step.seconds is not None else '…'}" for step in attempt.steps
        )
        sandbox = text.painted(text.sandbox(attempt.sandbox))
        outcome = attempt.ended_as or "running"
        attempts.append(f"{attempt.number}. {outcome} on {attempt.builder}, sandbox {sandbox}: {steps}")
    pairs.append(("attempts", "\n".join(attempts)))
    lines = [text.fields(pairs)]
    if build.failure is not None and build.state == "failed":
        failure = build.failure
        culprit = f" ({failure.culprit})" if failure.culprit else ""
        lines += ["", f"{failure.reason}{culprit}: {failure.message}"]
        lines += [f"  | {line}" for line in failure.tail]
        lines += [f"hint: {failure.hint}"] if failure.hint else []
    return "\n".join(lines)


def _first(url: str, parameters: dict[str, str | int]) -> dict[str, str | int] | None:
    """The parameters of the first page; the URLs of further pages have theirs."""
    return None if "?" in url else parameters


def pages(ask: Callable[[str], Any], path: str, limit: int) -> tuple[list[Any], int]:
    """The items of a list, page after page, at most *limit* where it is not 0; and how many there are."""
    items: list[Any] = []
    url: str | None = f"/api/v1/{path}"
    total = 0
    while url is not None:
        page: _Page = ask(url)
        items += page.items
        total = page.total
        url = page.next if not limit or len(items) < limit else None
    return (items[:limit] if limit else items), total


def _emit_list(items: Sequence[Any], total: int, output: text.Output, table: Callable[[], str]) -> None:
    data = {"items": [item.model_dump(mode="json") for item in items], "total": total}
    text.emit(data, output, table)
    if output is text.Output.TABLE:
        if not items:
            text.note("nothing found")
        elif total > len(items):
            text.note(f"\n{len(items)} of {total}, `--limit 0` lists all")


def _distributions_table(items: Sequence[DistributionSummary]) -> str:
    rows: list[list[text.Cell]] = []
    now = datetime.now(UTC)
    for item in items:
        done = sum(each.artifact is not None for each in item.platforms)
        platforms = f"{done}/{len(item.platforms)}"
        rows.append(
            [
                item.name,
                item.version,
                text.state(_status(item)),
                platforms,
                item.core,
                str(len(item.packages)),
                text.age(item.date, now) if item.date.year > 1970 else "uncommitted",  # noqa: PLR2004
            ]
        )
    heads = ["NAME", "VERSION", "STATUS", "PLATFORMS", "BENTHOS", "PACKAGES", "DATE"]
    waiting = [f"{item.name}: {line}" for item in items for line in item.no_builder.splitlines()]
    return "\n\n".join(part for part in (text.table(heads, rows), "\n".join(waiting)) if part) if rows else ""


def _status(item: DistributionSummary) -> str:
    if item.retired:
        return "retired"
    return "SUSPENDED" if item.suspended else item.health


def _distribution_text(item: DistributionView) -> str:
    pairs = [
        ("name", item.name),
        ("version", item.version),
        ("status", text.paint(_status(item), text.STATE_STYLES.get(_status(item)))),
        ("about", item.description),
        ("homepage", item.homepage),
        ("license", item.license),
        ("modules", "\n".join(f"{module.path} {module.version}" for module in item.modules)),
        ("packages", "\n".join(item.packages)),
        ("toolchain", f"go {item.toolchain}"),
        ("labels", ", ".join(f"{name}={value}" for name, value in item.labels.items())),
        ("from", f"{item.path} at {item.revision[:_SHORT_ID]}"),
        ("versions", ", ".join(version.version for version in item.versions)),
    ]
    rows: list[list[text.Cell]] = [
        [
            each.platform,
            text.state(each.state),
            each.build[:_SHORT_ID],
            text.size(each.artifact.size) if each.artifact else "",
            each.artifact.sha256[:_SHORT_ID] if each.artifact else "",
            (each.artifact or each.last_good).file_name if each.artifact or each.last_good else "",  # type: ignore[union-attr]
        ]
        for each in item.platforms
    ]
    table = text.table(["PLATFORM", "STATE", "BUILD", "SIZE", "SHA256", "FILE"], rows)
    conditions = [f"{each.type}: {each.reason}: {each.message}" for each in item.conditions if each.status]
    return "\n\n".join(part for part in (text.fields(pairs), table, "\n".join(conditions)) if part)


def _sources_table(items: Sequence[SourceView]) -> str:
    now = datetime.now(UTC)
    rows: list[list[text.Cell]] = [
        [
            item.id,
            item.url,
            item.ref or "(work tree)",
            item.folder,
            _state(item),
            item.observed_revision[:_SHORT_ID],
            item.applied_revision[:_SHORT_ID],
            _signed(item),
            str(item.manifests),
            (str(item.invalid), text.Style.BAD if item.invalid else None),
            text.age(seen, now) if (seen := item.polled_at or item.checked_at) else "never",
        ]
        for item in items
    ]
    heads = [
        "SOURCE",
        "URL",
        "BRANCH",
        "FOLDER",
        "STATE",
        "OBSERVED",
        "APPLIED",
        "SIGNED",
        "MANIFESTS",
        "INVALID",
        "LOOKED",
    ]
    return text.table(heads, rows) if rows else ""


def _signed(item: SourceView) -> text.Cell:
    if item.verified is None:
        return ""
    return "yes" if item.verified else ("no", text.Style.BAD)


def _sources(client: ApiClient, limit: int) -> tuple[list[SourceView], int]:
    return pages(lambda url: client.get(url, SourceList), "sources", limit)


def _source(client: ApiClient, name: str) -> SourceView:
    sources, _ = _sources(client, 0)
    found = [source for source in sources if source.id == name]
    if not found:
        msg = f"there is no source `{name}`"
        raise NotFound(msg, hint="`wombat list sources` shows those there are")
    return found[0]


def _state(source: SourceView) -> tuple[str, text.Style]:
    """How a source is, in one word, with its colour."""
    styles = {"Ready": text.Style.GOOD, "Unread": text.Style.DIM}
    ready = next((each.status for each in source.conditions if each.type == "Ready"), None)
    return source.state, styles.get(source.state) or (text.Style.BAD if ready is False else text.Style.WARN)


def _source_text(source: SourceView) -> str:
    word, style = _state(source)
    pairs = [
        ("source", source.id),
        ("url", source.url),
        ("branch", source.ref or "(work tree)"),
        ("folder", source.folder),
        ("state", text.paint(word, style)),
        ("applied", source.applied_revision),
        ("observed", f"{source.observed_revision} by {source.observed_by}" if source.observed_revision else ""),
        ("signed", _signature(source)),
        ("manifests", f"{source.manifests}, {source.invalid} invalid"),
        ("changed", _time(source.checked_at)),
        ("looked", _time(source.polled_at)),
        ("webhook", _time(source.pushed_at)),
        ("status", source.status_error),
    ]
    return "\n\n".join([text.fields(pairs), *_conditions(source)])


def _conditions(source: SourceView) -> list[str]:
    """What is wrong, a paragraph a cause: one cause may be behind several conditions."""
    causes: dict[tuple[str, str, datetime], list[str]] = {}
    for each in source.conditions:
        if each.status and each.type != "Ready":
            causes.setdefault((each.reason, each.message, each.since), []).append(each.type)
    return [
        f"{', '.join(types)}: {reason} since {_time(since)}\n{message}"
        for (reason, message, since), types in causes.items()
    ]


def _signature(source: SourceView) -> str:
    if source.verified is None:
        return ""
    return f"by {source.signer}" if source.verified else "no, so it is not used"


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"
