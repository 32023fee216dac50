"""What commands print: foreign text is shown, our own colours are obeyed, and data stays what it is."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tests.support.factories import NOW, make_spec
from wombat_gitops.cli import exits, text
from wombat_gitops.cli.jobs.progress import Board, failure_text
from wombat_gitops.cli.text import Color, Output, Style
from wombat_gitops.domain.errors import UserError
from wombat_gitops.domain.records import BuildRecord, BuildState, Failure, FailureKind
from wombat_gitops.domain.visible import visible

HOSTILE = "\x1b[2J\x1b]52;c;cm0=\x07\x9b1m\u202enimda\u2066\r\x7f\U000e0041"
ESCAPED = r"\x1b[2J\x1b]52;c;cm0=\x07\x9b1m\u202enimda\u2066\r\x7f\U000e0041"
ANY_TEXT = st.text(st.characters(categories=None)) | st.text(
    st.sampled_from("ab\r\n\t\x1b\x85\x9b\u202e\u2028\ud800\U000e0001é'\":- ")
)


def test_every_way_to_print_shows_foreign_text(capsys: pytest.CaptureFixture[str]) -> None:
    """On both streams; an error of a command is printed the same way."""
    text.out(HOSTILE)
    text.note(HOSTILE)
    text.warning(HOSTILE)
    text.error(HOSTILE, HOSTILE)
    text.emit({}, Output.TABLE, lambda: text.fields([("name", HOSTILE)]))
    exits.report(UserError(HOSTILE, hint=HOSTILE), verbose=True)
    exits.report(ValueError(HOSTILE), verbose=False)

    told = capsys.readouterr()
    for said in told:
        assert visible(said) == said
    assert told.out == f"{ESCAPED}\nname  {ESCAPED}\n"
    assert told.err.count(ESCAPED) == 7
    assert f"unexpected ValueError: {ESCAPED.replace(chr(92) + 'r', ' ')}" in told.err


def test_only_our_own_styles_become_sequences(capsys: pytest.CaptureFixture[str]) -> None:
    """What is inside of a style is shown, too, and a style that others write is none."""
    text.configure(color=Color.ALWAYS)
    text.out(f"{text.paint('a' + HOSTILE, Style.BAD)} \x1b[32mb\x1b[0m")
    text.out(text.table(["HEAD"], [[("c\x1b[0m", Style.GOOD)], [text.state("failed")]]))

    told = capsys.readouterr().out
    assert told == (
        f"\x1b[31ma{ESCAPED}\x1b[0m \\x1b[32mb\\x1b[0m\n"
        "\x1b[1mHEAD\x1b[0m\n\x1b[32mc\\x1b[0m\x1b[0m\n\x1b[31mfailed\x1b[0m\n"
    )


def test_a_row_of_a_table_is_one_line_with_its_columns_aligned() -> None:
    """Also where a cell has line ends, and characters that take more room when they are shown."""
    lines = text.table(["A", "B"], [["x\ny", "1"], ["\u202e", ("2", None)]]).splitlines()
    assert lines == ["A       B", r"x\ny    1", r"\u202e  2"]


@pytest.mark.parametrize("output", [Output.JSON, Output.YAML])
@given(value=st.dictionaries(ANY_TEXT, ANY_TEXT | st.lists(ANY_TEXT)))
def test_data_has_its_value_and_nothing_hidden(output: Output, value: dict[str, Any]) -> None:
    """As a program reads it back."""
    before, sys.stdout = sys.stdout, io.StringIO()
    try:
        text.emit({"value": value}, output, str)
        said = sys.stdout.getvalue()
    finally:
        sys.stdout = before

    assert visible(said) == said
    read = json.loads(said) if output is Output.JSON else yaml.safe_load(said)
    assert read == {"schema_version": 1, "value": value}


def test_readable_data_stays_readable(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what is hidden is escaped, in JSON's and in YAML's own way."""
    text.emit({"a": "é 日本", "b": "x\u202ey\x9bz\x1b"}, Output.JSON, str)
    text.emit({"a": "é 日本", "b": "x\u202ey\x9bz\x1b"}, Output.YAML, str)

    told = capsys.readouterr().out
    assert '"a": "é 日本"' in told
    assert r'"b": "x\u202ey\u009bz\u001b"' in told
    assert "a: é 日本\n" in told
    assert r'b: "x\u202ey\x9Bz\e"' in told


@given(st.binary(), st.lists(st.integers(0, 40)))
def test_a_stream_is_shown_alike_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    """Characters and line ends that are cut in two are still one."""
    _check_cuts(data, cuts)


@given(st.text(st.sampled_from("a\r\n日\x1b\u202e")), st.lists(st.integers(0, 40)))
def test_a_stream_of_text_is_shown_alike_however_it_is_cut(words: str, cuts: list[int]) -> None:
    """With more line ends than bytes at random have."""
    _check_cuts(words.encode(), cuts)


def _check_cuts(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, *cuts, len(data)})
    stream = io.StringIO()
    passing = text.Passing(stream)
    for start, end in zip(places, [*places[1:], len(data)], strict=True):
        passing.write(data[start:end])
    passing.close()
    assert stream.getvalue() == visible(data.decode(errors="backslashreplace"))


def test_bytes_that_are_no_text_are_shown() -> None:
    """Each by its number."""
    stream = io.StringIO()
    passing = text.Passing(stream)
    passing.write(b"a\xff\xe6\x97")
    passing.write(b"\xa5\xe6")
    passing.close()
    assert stream.getvalue() == r"a\xff日\xe6"


class Screen(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_patch_is_exact_in_a_pipe_and_harmless_on_a_terminal(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`git apply` takes the very bytes, and nobody's terminal obeys them."""
    text.exact("+\x1b[2J é \udcff\r\n")
    assert capfdbinary.readouterr().out == b"+\x1b[2J \xc3\xa9 \xff\r\n"

    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Screen(raw, encoding="utf-8"))
    text.exact("+\x1b[2J é \udcff\r\n")
    assert raw.getvalue() == "+\\x1b[2J é \\udcff\n".encode()


def hostile_record(words: str) -> BuildRecord:
    """A failed build, every text of which is *words*."""
    failure = Failure(FailureKind.USER, words, words, culprit=words, hint=words, tail=(words,))
    return BuildRecord("a" * 64, make_spec(name=words, version=words), BuildState.FAILED, NOW, NOW, failure=failure)


def test_the_moving_table_shows_foreign_text_and_reads_no_markup() -> None:
    """Markup of rich would make links and hide words; the colours of states are ours."""
    markup = "[link=https://host.invalid]click[/link] [bold red]no[/] :bomb:"
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=500, color_system="standard", highlight=False)
    board = Board(lines=False)
    board.show(hostile_record(f"{HOSTILE} {markup}"))
    console.print(board.table())

    said = stream.getvalue()
    assert said.count(f"{ESCAPED} {markup}") == 3
    assert f"\x1b[31mfailed: {ESCAPED}" in said
    ours = said.replace("\x1b[31m", "").replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert visible(ours) == ours


def test_lines_of_progress_show_foreign_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing moves, and where a failure is told in full."""
    board = Board(lines=True)
    board.show(hostile_record(HOSTILE))
    text.note(failure_text(hostile_record(HOSTILE)))

    said = capsys.readouterr().err
    assert visible(said) == said
    assert said.count(ESCAPED) == 10
    assert f"  | {ESCAPED}\n" in said
