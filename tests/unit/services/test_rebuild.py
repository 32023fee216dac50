"""What a rebuild says where the published bytes cannot be read, or not be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.factories import GO_MOD, GO_SUM, SPEC
from tests.support.stage import broken, built, queued_build
from wombat_gitops.adapters.files import FileObjects
from wombat_gitops.adapters.memory import MemoryStore
from wombat_gitops.domain.errors import InternalError, NotFound, OverLimit, SandboxFailed
from wombat_gitops.domain.identity import digest
from wombat_gitops.domain.model import BuildSpec, Lock
from wombat_gitops.domain.rebuild import Difference, Verdict
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.ports import Workspace
from wombat_gitops.services.queue import Inputs
from wombat_gitops.services.rebuild import BuildStores, bring, find, judge

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = b"a program" * 1000


class Failing:
    """A comparer that cannot do its work."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def compare(self, spec: BuildSpec, rebuilt: Path, published: Path, workspace: Workspace) -> Difference:
        raise self._error


@pytest.fixture
async def stores(tmp_path: Path) -> BuildStores:
    """One build with its program, in folders and in memory."""
    made = BuildStores(MemoryStore[BuildRecord](), Inputs(MemoryStore[str]()), FileObjects(tmp_path / "objects"))
    record = built(queued_build(), PROGRAM)
    await made.records.put(record.id, record)
    await made.inputs.save(Lock(GO_MOD, GO_SUM))
    (tmp_path / "program").write_bytes(PROGRAM)
    await made.objects.put(tmp_path / "program", digest(PROGRAM), len(PROGRAM))
    return made


BUILD = queued_build().id


@pytest.mark.parametrize("damage", ["truncated", "flipped", "gone"])
async def test_damaged_bytes_under_a_right_record(stores: BuildStores, tmp_path: Path, damage: str) -> None:
    """The rebuild has the recorded digest: that is not equal, as nobody can download it."""
    stored = tmp_path / "objects" / digest(PROGRAM)
    if damage == "gone":
        stored.unlink()
    else:
        stored.write_bytes(PROGRAM[:-1] if damage == "truncated" else b"A" + PROGRAM[1:])
    known = await find(stores, BUILD)
    published = await bring(stores, known.record, tmp_path / "published")
    assert published.path is None
    assert published.problem

    space, comparer = Workspace(tmp_path), Failing(AssertionError())
    same = await judge(SPEC, tmp_path / "program", digest(PROGRAM), published, comparer, space)
    other = await judge(SPEC, tmp_path / "program", digest("other"), published, comparer, space)

    assert (same.verdict, other.verdict, other.difference) == (Verdict.UNREADABLE, Verdict.DIFFERENT, None)


async def test_equal_bytes(stores: BuildStores, tmp_path: Path) -> None:
    published = await bring(stores, (await find(stores, BUILD)).record, tmp_path / "published")
    found = await judge(
        SPEC, tmp_path / "program", digest(PROGRAM), published, Failing(AssertionError()), Workspace(tmp_path)
    )
    assert (found.verdict, found.difference) == (Verdict.EQUAL, None)


async def test_programs_that_cannot_be_compared(stores: BuildStores, tmp_path: Path) -> None:
    """They are different all the same, and it is said why nothing more is known."""
    published = await bring(stores, (await find(stores, BUILD)).record, tmp_path / "published")
    space, program = Workspace(tmp_path), tmp_path / "program"
    for error in (OverLimit("it takes all memory", reason="OutOfMemory"), InternalError("it takes all memory")):
        found = await judge(SPEC, program, digest("other"), published, Failing(error), space)
        assert found.verdict is Verdict.DIFFERENT
        assert found.difference is not None
        assert "it takes all memory" in found.difference.notes[0]
    with pytest.raises(SandboxFailed):
        await judge(SPEC, program, digest("other"), published, Failing(SandboxFailed("no")), space)


async def test_a_build_without_an_artifact(stores: BuildStores, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="has no artifact to compare with"):
        await bring(stores, broken(queued_build()), tmp_path / "published")
