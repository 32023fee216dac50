"""Foreign text is shown whole, and nothing of it acts on a terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wombat_gitops.domain.visible import visible, visible_json, visible_line

HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
ANY_TEXT = st.text(st.characters(categories=None)) | st.text(
    st.sampled_from("ab\r\n\t\x1b\x9b\u202e\u200b\ud800\U000e0001é日 ")
)
SHOWN = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]))


def is_hidden(character: str) -> bool:
    """By Unicode's own table, whatever the program thinks."""
    return unicodedata.category(character) in HIDDEN_CATEGORIES


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b[H", r"\x1b[2J\x1b[H"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b]52;c;cm0gLXJm\x07", r"\x1b]52;c;cm0gLXJm\x07"),
        (
            "\x1b]8;;https://host.invalid\x1b\\link\x1b]8;;\x1b\\",
            "\\x1b]8;;https://host.invalid\\x1b\\link\\x1b]8;;\\x1b\\",
        ),
        ("\x9b2J\x9d0;title\x9c", r"\x9b2J\x9d0;title\x9c"),
        ("admin\u202enimda\u2069\u061c", r"admin\u202enimda\u2069\u061c"),
        ("pay\u200bpal\ufeff\u00ad\U000e0041", r"pay\u200bpal\ufeff\xad\U000e0041"),
        ("half \ud83d, private \ue000, none \uffff", r"half \ud83d, private \ue000, none \uffff"),
        ("one\x0btwo\x0cthree\x85four\u2028five\u2029", r"one\x0btwo\x0cthree\x85four\u2028five\u2029"),
        ("\x7f\0\x08", r"\x7f\x00\x08"),
        ("Windows\r\nlines\r\n", "Windows\nlines\n"),
        ("10 %\r20 %\r\n", "10 %\\r20 %\n"),
        ("the last\r", "the last"),
        ("a\tb\n日本\u3000語 é e\u0301 \u00a0 🐾\n", "a\tb\n日本\u3000語 é e\u0301 \u00a0 🐾\n"),
        (r"\x1b", r"\x1b"),
        ("", ""),
    ],
)
def test_what_is_hidden_becomes_an_escape(text: str, shown: str) -> None:
    """And everything else stays, with its lines."""
    assert visible(text) == shown


def test_a_line_stays_one_line() -> None:
    """Whatever ends a line in any program is an escape."""
    assert visible_line("a\r\nb\tc\x85d\u2028\r") == r"a\r\nb\tc\x85d\u2028\r"


@given(ANY_TEXT)
def test_nothing_hidden_is_left(text: str) -> None:
    """Of any text, in each form."""
    assert not any(map(is_hidden, visible(text).replace("\n", "").replace("\t", "")))
    assert not any(map(is_hidden, visible_line(text)))


@given(ANY_TEXT)
def test_lines_are_kept(text: str) -> None:
    """No text adds or hides a line, by any idea of what ends one."""
    shown = visible(text)
    assert shown.count("\n") == text.count("\n")
    assert shown.splitlines() == (shown.removesuffix("\n").split("\n") if shown else [])
    assert len(visible_line(text).splitlines()) <= 1


@given(ANY_TEXT)
def test_what_is_shown_once_is_shown_the_same_again(text: str) -> None:
    """So that it does no harm to do it in two places."""
    assert visible(visible(text)) == visible(text)
    assert visible_line(visible_line(text)) == visible_line(text)
    assert visible(visible_line(text)) == visible_line(text)


@given(SHOWN)
def test_text_with_nothing_hidden_is_unchanged(text: str) -> None:
    """In every script."""
    assert visible(text) == visible_line(text) == text
    lines = f"\t{text}\n{text}"
    assert visible(lines) == lines


@given(st.recursive(ANY_TEXT, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner), max_leaves=5))
def test_json_keeps_its_value(value: object) -> None:
    """With escapes of JSON, in both forms that Python writes."""
    for document in (json.dumps(value, ensure_ascii=False, indent=2), json.dumps(value)):
        shown = visible_json(document)
        assert json.loads(shown) == json.loads(document)
        assert not any(map(is_hidden, shown.replace("\n", "")))
