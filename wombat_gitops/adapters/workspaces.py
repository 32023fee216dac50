"""Private folders of attempts, and the removal of those that a killed builder left behind, with what runs in them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Final

from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.watchdog import end_those_below
from wombat_gitops.ports import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK: Final = ".lock"


class Workspaces:
    """The folder of one builder; the lock in it is held for as long as the builder lives.

    Where the disk has no room for it yet, it is made with the first workspace: a builder must be able to start, to say
    that it lacks space.
    """

    def __init__(self, root: Path, builder: str) -> None:
        self._root = root
        self._home = root / builder
        self._lock: IO[str] | None = None
        with _room_wanted():
            root.mkdir(parents=True, exist_ok=True)
        if not root.exists():
            return
        with ExitStack() as held:
            with _alone_in(root):
                with _room_wanted():
                    self._take_home()
                abandoned = [home for home in root.iterdir() if home != self._home and _taken(home, held)]
            for home in abandoned:
                _remove_abandoned(home)

    def _take_home(self) -> None:
        """Make and lock the folder; *root* is held."""
        self._home.mkdir(exist_ok=True)
        lock = (self._home / _LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._lock = lock

    def _ensure_home(self) -> None:
        if self._lock is None:
            self._root.mkdir(parents=True, exist_ok=True)
            with _alone_in(self._root):
                self._take_home()

    @contextmanager
    def workspace(self, name: str) -> Iterator[Workspace]:
        """A fresh folder with `source/` and `out/`, removed when left. Raises `OSError` where there is no room."""
        self._ensure_home()
        root = self._home / name
        remove_tree(root)
        space = Workspace(root)
        space.source.mkdir(parents=True)
        space.out.mkdir()
        try:
            yield space
        finally:
            remove_tree(root)

    def close(self) -> None:
        """Remove the folder and give up the lock."""
        remove_tree(self._home)
        if self._lock is not None:
            self._lock.close()


@contextmanager
def _room_wanted() -> Iterator[None]:
    """Around what may fail for want of room and is tried again later."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise


@contextmanager
def _alone_in(root: Path) -> Iterator[None]:
    """Hold *root* itself: a builder that starts beside this one has made its folder and locked it, or neither."""
    descriptor = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _taken(home: Path, held: ExitStack) -> bool:
    """Whether the builder of *home* is gone; its lock is ours then, until *held* is left."""
    try:
        lock = held.enter_context((home / _LOCK).open("r+"))
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_abandoned(home: Path) -> None:
    """End what a builder has left behind and remove its folder."""
    with contextlib.suppress(OSError):
        # A compiler leads a session of its own, so it outlives a builder that was killed, and writes on.
        end_those_below(home)
        remove_tree(home)
