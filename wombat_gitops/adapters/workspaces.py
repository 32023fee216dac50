"""Private folders of attempts, and the removal of those that a killed builder left behind, with what runs in them."""

from __future__ import annotations

import contextlib
import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.watchdog import end_those_below
from wombat_gitops.ports import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK: Final = ".lock"


class Workspaces:
    """The folder of one builder; the lock in it is held for as long as the builder lives."""

    def __init__(self, root: Path, builder: str) -> None:
        self._home = root / builder
        self._home.mkdir(parents=True)
        self._lock = (self._home / _LOCK).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for other in root.iterdir():
            if other != self._home:
                _remove_abandoned(other)

    @contextmanager
    def workspace(self, name: str) -> Iterator[Workspace]:
        """A fresh folder with `source/` and `out/`, removed when left."""
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
        self._lock.close()


def _remove_abandoned(home: Path) -> None:
    """End what a builder has left behind and remove its folder, unless the builder lives."""
    with contextlib.suppress(OSError), (home / _LOCK).open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A compiler leads a session of its own, so it outlives a builder that was killed, and writes on.
        end_those_below(home)
        remove_tree(home)
