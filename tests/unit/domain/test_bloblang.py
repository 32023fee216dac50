"""What mappings call, told from their tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wombat_gitops.domain.bloblang import read_interpolations, read_mapping


def called(text: str) -> list[str]:
    return [f"{'.' if call.method else ''}{call.name}" for call in read_mapping(text).calls]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root = this.a.parse_xml().b", [".parse_xml"]),
        ("root = now()", ["now"]),
        ("root = this\n  .trim()\n  # .never()\n  .lowercase()", [".trim", ".lowercase"]),
        ('root = "# no comment".uppercase()', [".uppercase"]),
        ('root = """a "b" now()""".trim()', [".trim"]),
        ('root = "\\"now()".trim()', [".trim"]),
        ("root = if (this.a) { uuid_v4() } else { [] }", ["uuid_v4"]),
        ("root = if(this.a) { 1 }", []),
        ("root = this.map_each(x -> x.trim())", [".map_each", ".trim"]),
        ("root = this.map(x -> x)", [".map"]),
        ("root.a = $v.trim()\nmeta b = @k.trim()", [".trim", ".trim"]),
        ("root = 1.5.floor()", [".floor"]),
        ("map fake {\n root = this\n}", []),
        ('root = "never closed now()', ["now"]),
    ],
)
def test_calls_are_found_among_tokens(text: str, expected: list[str]) -> None:
    """Comments, strings and keywords call nothing."""
    assert called(text) == expected


def test_interpolations_are_read_to_their_own_brace() -> None:
    """Braces inside objects and strings do not end them; text around them calls nothing."""
    text = 'fake() ${! {"a": "}"}.format_json() } now() ${! counter() } ${{! not_called() }}'
    found = [[call.name for call in part.calls] for _, part in read_interpolations(text)]
    assert found == [["format_json"], ["counter"]]


def test_imports_are_statements() -> None:
    """A method of that name, or a word in a comment, imports nothing."""
    found = read_mapping('import "./a.blobl"\n# import "b"\nfrom "c.blobl"\nroot = this.from("d")')
    assert [each.path for each in found.imports] == ["./a.blobl", "c.blobl"]


@given(st.text(alphabet="ab.(\"')#\n{}$!: ", max_size=80))
def test_any_text_is_read(text: str) -> None:
    """No crash, and every call is where its name is."""
    for call in read_mapping(text).calls:
        assert text[call.at :].startswith(f"{call.name}(")
    list(read_interpolations(text))
