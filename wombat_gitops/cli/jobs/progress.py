"""Progress of builds on standard error: a table that moves on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from wombat_gitops.cli import text
from wombat_gitops.domain.records import BuildState
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from rich.table import Table

    from wombat_gitops.domain.records import BuildRecord

_FRAMES_PER_SECOND: Final = 4
_MARGIN_LINES: Final = 4
_COLORS: Final = {
    BuildState.SUCCEEDED: "green",
    BuildState.FAILED: "red",
    BuildState.RUNNING: "cyan",
    BuildState.QUEUED: "yellow",
    BuildState.CANCELLED: "bright_black",
    BuildState.SUPERSEDED: "bright_black",
}


class Board:
    """The builds that are watched, and where each stands.

    Lines are told once a change; `table` draws all at this moment.
    """

    def __init__(self, *, lines: bool) -> None:
        self._lines = lines
        self._drawing: ExitStack | None = None
        self._draw: Callable[[], AbstractContextManager[object]] = nullcontext
        self._records: dict[str, BuildRecord] = {}
        self._since: dict[str, float] = {}
        self._marks: dict[str, str] = {}

    def show(self, record: BuildRecord) -> None:
        """Take a build as it is now."""
        now = time.monotonic()
        if record.id not in self._records or self._records[record.id].state is not record.state:
            self._since[record.id] = now
        self._records[record.id] = record
        mark = stage(record)
        if self._lines and self._marks.get(record.id) != mark:
            self._marks[record.id] = mark
            took = f" after {text.span(seconds)}" if record.state.final and (seconds := duration(record)) else ""
            text.note(f"{label(record)}: {mark}{took}")

    @contextmanager
    def drawn(self, draw: Callable[[], AbstractContextManager[object]]) -> Iterator[None]:
        """Keep the table on the terminal by what *draw* makes, for as long as the context lasts."""
        self._draw = draw
        with ExitStack() as self._drawing:
            self._drawing.enter_context(draw())
            yield
        self._drawing = None

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the table away while something is written to standard output, which the table knows nothing of."""
        if self._drawing is None:
            yield
            return
        self._drawing.close()
        try:
            yield
        finally:
            self._drawing.enter_context(self._draw())

    def table(self) -> Table:
        """All builds; those under way first, cut to what the terminal holds. No cell is read as markup of rich."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for head in ("DISTRIBUTION", "PLATFORM", "STATE", "ELAPSED"):
            table.add_column(head, no_wrap=True)
        records = sorted(self._records.values(), key=_order)
        room = max(Console(stderr=True).size.height - _MARGIN_LINES, 1)
        for record in records[:room]:
            name = Text(visible_line(f"{record.spec.name} {record.spec.version}"))
            state = Text(visible_line(stage(record)), _COLORS[record.state])
            table.add_row(name, Text(visible_line(str(record.spec.platform))), state, self._elapsed(record))
        if len(records) > room:
            table.add_row(f"… and {len(records) - room} more", "", "", "")
        return table

    def _elapsed(self, record: BuildRecord) -> str:
        if record.state.final:
            seconds = duration(record)
            return text.span(seconds) if seconds else ""
        return text.span(time.monotonic() - self._since[record.id])


@contextmanager
def board(*, live: bool) -> Iterator[Board]:
    """A board that is drawn for as long as the context lasts."""
    if not live:
        yield Board(lines=True)
        return
    from rich.console import Console
    from rich.live import Live

    shown = Board(lines=False)
    console = Console(stderr=True, no_color=not text.colored(sys.stderr), highlight=False)

    def draw() -> Live:
        return Live(
            get_renderable=shown.table,
            console=console,
            refresh_per_second=_FRAMES_PER_SECOND,
            redirect_stdout=False,
            transient=True,
        )

    with shown.drawn(draw):
        yield shown
    console.print(shown.table())


def label(record: BuildRecord) -> str:
    """`tiny 1.0.0 linux/amd64`."""
    return f"{record.spec.name} {record.spec.version} {record.spec.platform}"


def stage(record: BuildRecord) -> str:
    """Where a build stands, in a word or two."""
    if record.state is BuildState.RUNNING:
        words = record.step.step.value if record.step else "starting"
        if record.cancel_requested:
            words = "stopping"
        number = record.attempts[-1].number if record.attempts else 1
        return f"{words} (attempt {number})" if number > 1 else words
    if record.state is BuildState.QUEUED and record.failure is not None:
        return f"queued again after {record.failure.reason}"
    if record.state is BuildState.FAILED and record.failure is not None:
        return f"failed: {record.failure.reason}"
    return record.state.value


def duration(record: BuildRecord) -> float:
    """Seconds that the last attempt took, 0 where there was none."""
    if not record.attempts or record.attempts[-1].ended_at is None:
        return 0
    return (record.attempts[-1].ended_at - record.attempts[-1].started_at).total_seconds()


def failure_text(record: BuildRecord) -> str:
    """What to tell about a build that has not succeeded: culprit, first error, last lines, where the log is."""
    failure = record.failure
    lines = [f"{text.paint(record.state.value, text.Style.BAD, sys.stderr)}: {label(record)}"]
    if failure is not None:
        step = f" in step `{failure.step.value}`" if failure.step else ""
        culprit = f", `{failure.culprit}`" if failure.culprit else ""
        lines += [f"  {failure.reason}{step}{culprit}", f"  {failure.message}"]
        if failure.tail:
            lines += ["", *(f"  | {line}" for line in failure.tail[-20:])]
        if failure.hint:
            lines += ["", f"  hint: {failure.hint}"]
    return "\n".join(lines)


def _order(record: BuildRecord) -> tuple[int, str]:
    ranks: Sequence[BuildState] = (BuildState.RUNNING, BuildState.QUEUED, BuildState.FAILED)
    rank = ranks.index(record.state) if record.state in ranks else len(ranks)
    return rank, label(record)
