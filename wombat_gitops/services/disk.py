"""This machine's own disks: how much room they have, and what they refuse, told as what it is."""

from __future__ import annotations

import contextlib
import errno
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.errors import DiskFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_full(error: OSError) -> bool:
    """Whether a disk, or a user's share of it, has no room."""
    return error.errno in _NO_SPACE


def is_caused_by_full(error: BaseException | None) -> bool:
    """Whether *error* is, or was raised because of, a disk without room."""
    while error is not None:
        if isinstance(error, OSError) and is_full(error):
            return True
        error = error.__cause__
    return False


@dataclass(frozen=True, slots=True)
class Space:
    """The room for files in a folder, in bytes.

    Attributes:
        folder: what the folder is for, such as `data folder`.
        needed: less than that is too little.
    """

    folder: str
    free: int
    needed: int

    @property
    def is_short(self) -> bool:
        """Whether there is too little."""
        return self.free < self.needed


def space_in(folder: str, path: Path, needed: int) -> Space:
    """Look at a folder; where it is not there yet, at the one in which it would be made.

    Raises:
        OSError: the disk does not tell.
    """
    while not path.exists() and path != path.parent:
        path = path.parent
    return Space(folder, shutil.disk_usage(path).free, needed)


@contextlib.contextmanager
def own_disk(purpose: str) -> Iterator[None]:
    """Around work on files of this machine; *purpose* says what they are.

    Raises:
        DiskFailed: one could not be made, written or read.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:  # a time that ran out is one too
            raise
        msg = f"the disk of this machine takes no {purpose}: {error.strerror or error}"
        raise DiskFailed(msg, hint="free space in the data folder" if is_full(error) else "") from error
