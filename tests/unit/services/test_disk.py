"""What a disk refuses is told as that, and nothing else is."""

from __future__ import annotations

import errno

import pytest

from wombat_gitops.domain.errors import DiskFailed, Unreachable
from wombat_gitops.services.disk import own_disk


@pytest.mark.parametrize(
    ("number", "hint"),
    [(errno.ENOSPC, "free space in the data folder"), (errno.EDQUOT, "free space in the data folder"), (errno.EIO, "")],
)
def test_a_refusal_says_why(number: int, hint: str) -> None:
    with pytest.raises(DiskFailed, match="takes no copy: No space") as caught, own_disk("copy"):
        raise OSError(number, "No space left on device")
    assert caught.value.hint == hint


@pytest.mark.parametrize("error", [TimeoutError(), Unreachable("the broker is away"), KeyError("x")])
def test_what_is_no_trouble_of_a_disk_stays_what_it_is(error: Exception) -> None:
    """A time that ran out is an `OSError` too."""
    with pytest.raises(type(error)) as caught, own_disk("copy"):
        raise error
    assert caught.value is error
