"""The catalogue of tricks names tests that are there, and docs/security.md holds it."""

from __future__ import annotations

import ast
from itertools import chain
from pathlib import Path

import pytest

from tests.hostile.catalogue import CATALOGUE, Trick, tables

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "security.md"
TRICKS = list(chain.from_iterable(CATALOGUE.values()))


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {node.name for node in found if node.name.startswith("test_")}


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.tried[:40])
def test_every_proof_exists(trick: Trick) -> None:
    """A trick names tests that are there, each once."""
    assert trick.proofs
    assert len(set(trick.proofs)) == len(trick.proofs)
    for proof in trick.proofs:
        path, _, name = proof.partition("::")
        assert name in functions_of(TESTS / path), proof


def test_every_hostile_test_is_in_the_catalogue() -> None:
    """All but the one that shows that the probes can succeed."""
    named = {proof for trick in TRICKS for proof in trick.proofs}
    there = {
        f"hostile/{path.name}::{name}" for path in (TESTS / "hostile").glob("test_*.py") for name in functions_of(path)
    }

    assert there - named == {"hostile/test_program.py::test_the_probes_can_tell"}


def test_the_page_is_in_step() -> None:
    """The tables of docs/security.md are what `python -m tests.hostile.catalogue` prints."""
    assert f"\n\n{tables()}\n" in PAGE.read_text(encoding="utf-8")
