"""A data folder that goes away is noticed, and no result that was kept in it counts."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from wombat_gitops.adapters.folder import FolderLock
from wombat_gitops.adapters.folder_guard import FolderGuard, GuardedAttempts
from wombat_gitops.cli import exits
from wombat_gitops.domain.errors import DiskFailed, Refused
from wombat_gitops.domain.messages import AttemptAnswer, AttemptClaim, AttemptEnd, AttemptOutcome, AttemptStep
from wombat_gitops.domain.model import Artifact
from wombat_gitops.domain.records import Failure, FailureKind, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ARTIFACT = Artifact("a" * 64, 1, "tiny")
FAILURE = Failure(FailureKind.INTERNAL, "FileNotFoundError", "FileNotFoundError inside the builder")


class Desk:
    """`ports.Attempts` that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[AttemptClaim | AttemptStep | AttemptEnd] = []

    async def claim(self, asked: AttemptClaim) -> AttemptAnswer:
        self.asked.append(asked)
        return AttemptAnswer(holds=False)

    async def step(self, asked: AttemptStep) -> AttemptAnswer:
        self.asked.append(asked)
        return AttemptAnswer(holds=False)

    async def end(self, asked: AttemptEnd) -> AttemptAnswer:
        self.asked.append(asked)
        return AttemptAnswer(holds=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    return made


@contextmanager
def guarding(folder: Path) -> Iterator[FolderGuard]:
    """Without the look at the end, which is a test of its own."""
    guard = FolderGuard(folder)
    try:
        yield guard
    finally:
        with pytest.raises(Refused):
            guard.__exit__(None, None, None)


def replaced(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def moved(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def hidden(folder: Path) -> None:
    """Its parent is a file by now."""
    shutil.rmtree(folder.parent)
    folder.parent.write_text("")


@pytest.mark.parametrize("away", [shutil.rmtree, replaced, moved, hidden])
def test_a_deleted_folder_was_not_noticed(folder: Path, away: Callable[[Path], None]) -> None:
    with guarding(folder) as guard:
        guard.check()
        away(folder)
        with pytest.raises(Refused, match="was deleted or replaced") as caught:
            guard.check()
        assert f"`{folder}`" in caught.value.message
        assert exits.exit_code(caught.value) == exits.REFUSED == 6


def test_a_folder_that_got_the_inode_of_the_deleted_one_looked_the_same(folder: Path) -> None:
    """File systems give a number that is free to what is made next."""
    with guarding(folder) as guard:
        numbers = {folder.stat().st_ino}
        for _ in range(50):
            replaced(folder)
            numbers.add(folder.stat().st_ino)
            assert guard.lost == folder


def test_a_deleted_lock_file_let_others_in(folder: Path) -> None:
    lock = FolderLock(folder, hint="")
    guard = FolderGuard(folder, lock.file)
    lock.file.unlink()
    FolderLock(folder, hint="").release()
    with pytest.raises(Refused, match=r"`.*/data/\.lock` was deleted"):
        guard.__exit__(None, None, None)
    lock.release()


def use(folder: Path, work: Callable[[Path], object]) -> None:
    with FolderGuard(folder):
        work(folder)


def test_errors_that_follow_from_a_deleted_folder_hid_it(folder: Path) -> None:
    def work(folder: Path) -> None:
        shutil.rmtree(folder)
        (folder / "new").write_text("")

    with pytest.raises(Refused, match="was deleted") as caught:
        use(folder, work)
    assert isinstance(caught.value.__context__, FileNotFoundError)


def test_what_happens_in_a_folder_does_not_matter(folder: Path) -> None:
    def work(folder: Path) -> None:
        (folder / "new").write_text("")
        (folder / "new").unlink()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use(folder, work)


async def test_the_folder_is_looked_at_again_and_again(folder: Path) -> None:
    looks = asyncio.Queue[None]()
    gone_on = asyncio.Event()

    async def pause(_: float) -> None:
        looks.put_nowait(None)
        await gone_on.wait()
        gone_on.clear()

    guard = FolderGuard(folder, pause=pause)
    watching = asyncio.create_task(guard.watch(asyncio.Event()))
    async with asyncio.timeout(20):
        for _ in range(3):
            await looks.get()
            gone_on.set()
        await looks.get()
        shutil.rmtree(folder)
        gone_on.set()
        with pytest.raises(Refused):
            await watching
    with pytest.raises(Refused):
        guard.__exit__(None, None, None)


async def test_watching_ends_in_the_middle_of_a_pause(folder: Path) -> None:
    async def pause(_: float) -> None:
        ended.set()
        await asyncio.Event().wait()

    ended = asyncio.Event()
    with FolderGuard(folder, pause=pause) as guard:
        async with asyncio.timeout(20):
            await guard.watch(ended)


@pytest.mark.parametrize(
    "outcome",
    [
        {"outcome": AttemptOutcome.SUCCEEDED, "artifact": ARTIFACT},
        {"outcome": AttemptOutcome.FAILED, "failure": FAILURE},
    ],
)
async def test_a_build_succeeded_into_a_folder_that_was_gone(folder: Path, outcome: dict[str, object]) -> None:
    """Nor did it fail: the build is given back, whatever came of it."""
    desk = Desk()
    end = AttemptEnd("b" * 64, "one.1", "mark", **outcome)  # type: ignore[arg-type]
    with guarding(folder) as guard:
        attempts = GuardedAttempts(desk, guard, records_here=False)
        await attempts.end(end)
        shutil.rmtree(folder)
        await attempts.end(end)
    assert desk.asked == [end, AttemptEnd("b" * 64, "one.1", "mark", AttemptOutcome.RELEASED)]


@pytest.mark.parametrize(
    "failure",
    [
        FAILURE,
        Failure(FailureKind.USER, "CompileError", "x.go: no such file or directory"),
        Failure(FailureKind.USER, "CompileError", "it broke", tail=("open go.mod: no such file or directory",)),
    ],
)
async def test_a_build_failed_before_the_folder_that_lost_its_files_was_gone_itself(
    folder: Path, failure: Failure
) -> None:
    """Deleting removes what is in a folder first: the build ends by a missing file while the folder is still there."""

    async def pause(_: float) -> None:
        shutil.rmtree(folder)

    desk = Desk()
    with contextlib.suppress(Refused), FolderGuard(folder, pause=pause) as guard:
        attempts = GuardedAttempts(desk, guard, records_here=False)
        await attempts.end(AttemptEnd("b" * 64, "one.1", "mark", AttemptOutcome.FAILED, failure=failure))
    assert desk.asked == [AttemptEnd("b" * 64, "one.1", "mark", AttemptOutcome.RELEASED)]


@pytest.mark.parametrize("outcome", [*AttemptOutcome])
async def test_a_result_was_written_into_records_that_were_gone(folder: Path, outcome: AttemptOutcome) -> None:
    """Nor is the service asked for long that ends at the same moment."""
    desk = Desk()
    end = AttemptEnd("b" * 64, "one.1", "mark", outcome)
    with guarding(folder) as guard:
        attempts = GuardedAttempts(desk, guard, records_here=True)
        await attempts.end(end)
        shutil.rmtree(folder)
        with pytest.raises(Refused, match="was deleted"):
            await attempts.end(end)
        with pytest.raises(Refused, match="was deleted"):
            await attempts.step(AttemptStep("b" * 64, "one.1", "mark", Step.COMPILE))
    assert desk.asked == [end]


async def test_builds_were_taken_by_a_builder_whose_folder_was_gone(folder: Path) -> None:
    desk = Desk()
    asked = AttemptClaim("b" * 64, "one.1", "mark")
    with guarding(folder) as guard:
        attempts = GuardedAttempts(desk, guard, records_here=False)
        await attempts.claim(asked)
        shutil.rmtree(folder)
        with pytest.raises(DiskFailed, match="is gone"):
            await attempts.claim(asked)
    assert desk.asked == [asked]
