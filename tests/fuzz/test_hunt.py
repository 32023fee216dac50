"""The fuzzer itself: it finds what is there to be found, and its laws hold for some thousand inputs each time."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.examples import examples_of
from tests.fuzz.laws import LAWS
from tests.fuzz.manifests import ROOT, Hunt
from tests.fuzz.mutation import Mutator

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("law", LAWS)
def test_a_law_holds(law: str) -> None:
    """For its examples, and for changed ones; the same ones each time."""
    examples = examples_of(law)
    mutator = Mutator(1, examples)
    for data in (*examples, *(mutator.next() for _ in range(150))):
        LAWS[law](data)


def test_a_broken_law_is_found_and_made_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The finding is kept as a file, and told once."""

    def broken(data: bytes) -> None:
        assert not (b"{" in data and b"name: " in data)

    monkeypatch.setitem(LAWS, "manifest", broken)
    hunt = Hunt("manifest", tmp_path, hang=60)
    mutator = Mutator(1, examples_of("manifest"))
    for _ in range(500):
        hunt.attempt(mutator.next())

    assert [sorted(found) for found in hunt.found.values()] == [sorted(b"{name: ")]
    assert (tmp_path / "manifest-1").read_bytes() == next(iter(hunt.found.values()))
    assert capsys.readouterr().out.count("AssertionError") == 1


def test_an_input_that_hangs_ends_the_search_and_is_kept(tmp_path: Path) -> None:
    """Even one that hangs inside of a C function."""
    script = (
        "import sys; from tests.fuzz import manifests as f\n"
        "f.LAWS['go'] = lambda data: (b'hang' in data and sum(range(10**12)))\n"
        f"hunt = f.Hunt('go', f.Path({str(tmp_path)!r}), hang=0.5)\n"
        "hunt.attempt(b'goes on'); hunt.attempt(b'hang')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False, timeout=100)

    assert done.returncode == 1
    assert b"Timeout" in done.stderr
    assert (tmp_path / "go.last").read_bytes() == b"hang"
