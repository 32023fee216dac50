"""The report of recoveries: written where it was asked for, and summed up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.faultlog import REPORT, note, table

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_nothing_is_noted_unless_it_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable no file appears."""
    monkeypatch.delenv(REPORT, raising=False)
    monkeypatch.chdir(tmp_path)
    note("a fault", 1.0)
    assert not list(tmp_path.iterdir())


def test_what_was_noted_is_summed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fault has a row: how often, median, worst, and what was lost."""
    report = tmp_path / "report.jsonl"
    monkeypatch.setenv(REPORT, str(report))
    for seconds, lost in ((1.0, 0), (0.25, 1), (3.0, 0)):
        note("broker killed", seconds, lost=lost)
    note("a fault", 0.02)

    assert table(report.read_text().splitlines()).splitlines()[2:] == [
        "| a fault | 1 | 20 ms | 20 ms | 0 |",
        "| broker killed | 3 | 1.0 s | 3.0 s | 1 |",
    ]
