"""What people read of sources: in lists, one by one, and while `wombat up` runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.stage import Stage
from wombat_gitops.api.present import service
from wombat_gitops.cli.jobs import reading
from wombat_gitops.cli.jobs.progress import board
from wombat_gitops.cli.jobs.up import _News
from wombat_gitops.domain.catalogue import Condition, SourceLook, SourceRecord
from wombat_gitops.services.health import source_state
from wombat_gitops.wiring.up import Up

if TYPE_CHECKING:
    from pathlib import Path

    from wombat_gitops.api.views.service import SourceView

COMMIT = "a" * 40


def condition(kind: str, reason: str, message: str, *, status: bool = True) -> Condition:
    return Condition(kind, status, reason, message, COMMIT, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


READY = condition("Ready", "Reconciled", "")
AWAY = tuple(
    condition(kind, "AccessDenied", "access was denied", status=kind != "Ready")
    for kind in ("FetchFailed", "Ready", "Stalled")
)
TAKEN = condition("NameConflict", "NameTaken", "another source already declares `a`: `s2`")


def now() -> datetime:
    """By the clock, as what is tested goes by it too."""
    return datetime.now(UTC)


def view(*conditions: Condition, look: SourceLook | None = None, name: str = "s1") -> SourceView:
    found = record(*conditions, name=name)
    return service.source(found, look, source_state(found, look, {}, now()))


def record(*conditions: Condition, name: str = "s1") -> SourceRecord:
    url = f"ssh://git.example.invalid/team/{name}.git"
    return SourceRecord(name, url, "main", "builds", COMMIT, now(), 3, 1, conditions)


@pytest.mark.parametrize(
    ("conditions", "word"),
    [((), "Unread"), ((READY,), "Ready"), ((READY, TAKEN), "NameConflict"), (AWAY, "FetchFailed")],
)
def test_a_list_tells_in_a_word_how_each_source_is(conditions: tuple[Condition, ...], word: str) -> None:
    """And which folder it is, by which alone two may differ."""
    head, row = reading._sources_table([view(*conditions)]).splitlines()
    assert row[head.index("STATE") :].split()[0] == word
    assert row[head.index("FOLDER") :].split()[0] == "builds"


def test_a_source_that_nobody_looks_at_any_more_is_not_called_ready() -> None:
    """However well it was when somebody did."""
    watched, left = (
        SourceLook("s1", COMMIT, polled_at=now() - ago, interval=30.0) for ago in (timedelta(), timedelta(hours=1))
    )
    assert reading._state(view(READY, look=watched))[0] == "Ready"
    assert reading._state(view(READY, look=left))[0] == "Unwatched"
    unknown = SourceLook("s1", COMMIT, polled_at=now() - timedelta(days=9))
    assert reading._state(view(READY, look=unknown))[0] == "Ready"


def test_one_cause_is_told_once() -> None:
    """Whatever conditions it is behind; what is in order is no condition to tell."""
    told = reading._source_text(view(*AWAY, TAKEN))
    assert told.count("access was denied") == 1
    assert told.endswith(
        "\n\nFetchFailed, Stalled: AccessDenied since 2026-01-02 03:04:05 UTC\naccess was denied"
        "\n\nNameConflict: NameTaken since 2026-01-02 03:04:05 UTC\nanother source already declares `a`: `s2`"
    )
    assert "Reconciled" not in reading._source_text(view(READY))


async def test_up_names_the_source_that_is_in_trouble_and_tells_when_it_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once each; with one source alone there is nothing to name."""
    stage = Stage(tmp_path)
    async with stage.running() as catalog:
        with board(live=False) as shown:
            news = _News(Up("http://127.0.0.1:1", "nats://127.0.0.1:1", catalog), shown)
            for records in ((record(*AWAY),), (record(*AWAY), record(READY, name="s2")), (record(READY),)):
                await stage.put(*records)
                await stage.until(lambda records=records: set(records) <= set(catalog.sources()))  # type: ignore[misc]
                news.tell()
                news.tell()
    assert capsys.readouterr().err.splitlines() == [
        "warning: AccessDenied: access was denied",
        "ssh://git.example.invalid/team/s1.git main builds: in order again",
    ]
