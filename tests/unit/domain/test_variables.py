"""Variables of configurations, replaced as Benthos does; expectations are from `internal/config/env_vars_test.go`."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wombat_gitops.domain.variables import substitute


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("foo ${BAR:baz} qux", "foo baz qux"),
        ("foo ${BAR} qux", "foo  qux"),
        ("foo ${BAR:} qux", "foo  qux"),
        ("${A:x}${B:y}", "xy"),
        ("foo ${{BAR}} qux", "foo ${BAR} qux"),
        ("foo ${{BAR:baz}} qux", "foo ${BAR:baz} qux"),
        ("foo ${BAR:http://a:1/x} qux", "foo http://a:1/x qux"),
        ("${BAR:${! json()}}", "${! json()}"),
        ("${BLOCK:stdout: {}}", "stdout: {}"),
        ("${BAR:a\nb}", "a\\nb"),
        ("${BAR:Zm9v|base64decode}", "foo"),
        ("${BAR baz}", "${BAR baz}"),
        ("${! this.x }", "${! this.x }"),
        ("${BAR:never closed", "${BAR:never closed"),
        ("${}", "${}"),
        ("$ {A}", "$ {A}"),
    ],
)
def test_a_variable_is_its_default_or_nothing(text: str, expected: str) -> None:
    """As Benthos replaces them where none is set."""
    assert substitute(text).text == expected


def test_a_function_that_benthos_lacks_is_a_problem() -> None:
    """Benthos does not start with one."""
    assert [use.problem for use in substitute("${A:b|upper} ${B:?|base64decode}").uses] == [
        "there is no function `upper` for variables",
        "its default is not base64",
    ]


_BENTHOS = re.compile(r"\${[0-9A-Za-z_.]+(:((\${[^}]+})|[^}])*)?(?:\|[0-9A-Za-z]+)?}")
"""`envRegex` of Benthos v4.77.0. It takes quadratic time, which is why it is not used."""


@given(st.text(alphabet="${}A:|! \n", max_size=30))
def test_variables_are_those_of_benthos(text: str) -> None:
    """The same stretches, whatever is nested, open or empty."""
    assert [use.at for use in substitute(text).uses] == [match.start() for match in _BENTHOS.finditer(text)]


@given(st.lists(st.sampled_from(["a", "${A:bc}", "${A}", "${{A}}", "\n", "x y"]), max_size=12))
def test_every_character_keeps_its_place(parts: list[str]) -> None:
    """What was not replaced is found again where it was."""
    text = "".join(parts)
    made = substitute(text)

    for offset, character in enumerate(made.text):
        if character in {"a", "x", "y", " ", "\n"}:
            assert text[made.origin(offset)] == character


def test_variables_that_are_never_closed_take_linear_time() -> None:
    """A megabyte of them; a scan of the rest for each would take hours."""
    text = "${A:" * 250_000
    assert substitute(text).text == text
