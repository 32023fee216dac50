"""`wombat builders`, as the HTTP API tells of them; `wombat drain` and `wombat resume`, by the service itself."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wombat_gitops.api.views.service import StatusView
from wombat_gitops.cli import running, text
from wombat_gitops.cli.client import ApiClient
from wombat_gitops.cli.jobs.reading import tell_health
from wombat_gitops.wiring.addresses import api_address
from wombat_gitops.wiring.clients import builders_client

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.api.views.service import BuilderView
    from wombat_gitops.domain.messages import BuilderAnswer
    from wombat_gitops.settings import Settings


def builders(settings: Settings, output: text.Output) -> None:
    """Print the builders. Raises `Unreachable` where the API does not answer."""
    status = ApiClient(api_address(settings)).get("/api/v1/status", StatusView)
    found = status.builders
    data = {"items": [builder.model_dump(mode="json") for builder in found], "total": len(found)}
    text.emit(data, output, lambda: _table(found) if found else "no builder is at work")
    if output is text.Output.TABLE:
        tell_health(status)


def drain(settings: Settings, name: str, output: text.Output) -> None:
    """Let a builder take nothing more. Raises `Refused` where *name* cannot be one."""
    _tell(_ordered(settings, name, drain=True), output)


def resume(settings: Settings, name: str, output: text.Output) -> None:
    """Let a builder take builds again. Raises `Refused` where *name* cannot be one."""
    _tell(_ordered(settings, name, drain=False), output)


def _ordered(settings: Settings, name: str, *, drain: bool) -> BuilderAnswer:
    async def work() -> BuilderAnswer:
        async with builders_client(settings) as fleet:
            return await (fleet.drain(name) if drain else fleet.resume(name))

    return running.run(work())


def _tell(answer: BuilderAnswer, output: text.Output) -> None:
    word = "takes nothing more" if answer.drain else "takes builds again"
    before = "" if answer.changed else ", as before"
    text.emit(dataclasses.asdict(answer), output, lambda: f"`{answer.name}` {word}{before}")
    if not answer.present:
        text.note(f"no builder of that name is at work now; `{answer.name}` will know when it starts")


def _table(builders: Sequence[BuilderView]) -> str:
    now = datetime.now(UTC)
    rows: list[list[text.Cell]] = [
        [
            builder.name,
            text.state(builder.state),
            f"{builder.busy}/{builder.workers}",
            ", ".join(builder.platforms) or "all",
            ", ".join(builder.cgo) or "-",
            text.size(builder.memory) if builder.memory else "-",
            text.sandbox(builder.sandbox),
            ", ".join(f"{key}={value}" for key, value in builder.labels.items()) or "-",
            text.age(builder.started_at, now),
            builder.reason,
        ]
        for builder in builders
    ]
    columns = ["NAME", "STATE", "BUSY", "PLATFORMS", "C FOR", "MEMORY", "SANDBOX", "LABELS", "AGE", "DETAIL"]
    return text.table(columns, rows)
