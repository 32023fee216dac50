"""What this machine's own disk refuses, told as what it is: asking again works once there is room."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.errors import DiskFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_full(error: OSError) -> bool:
    """Whether a disk, or a user's share of it, has no room."""
    return error.errno in _NO_SPACE


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
