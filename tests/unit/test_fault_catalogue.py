"""The catalogue of faults is whole, and says nothing that is not so."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.faults.catalogue import CATALOGUE, Fault, table

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reliability.md"


def test_every_fault_is_there_once() -> None:
    """1 to 45, in order."""
    assert [fault.number for fault in CATALOGUE] == list(range(1, 46))


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: str(fault.number))
def test_every_proof_exists(fault: Fault) -> None:
    """A fault names tests that are there, each once, or says why there is none."""
    assert fault.proofs or fault.gap
    assert len(set(fault.proofs)) == len(fault.proofs)
    for proof in fault.proofs:
        path, _, name = proof.partition("::")
        tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
        found = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        assert name in {node.name for node in found}, proof


def test_the_page_is_in_step() -> None:
    """The table of docs/reliability.md is what `python -m tests.faults.catalogue` prints."""
    assert f"\n\n{table()}\n\n" in PAGE.read_text(encoding="utf-8")
