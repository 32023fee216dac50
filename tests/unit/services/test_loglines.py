from __future__ import annotations

import os
import tempfile

from hypothesis import given
from hypothesis import strategies as st

from wombat_gitops.services import loglines
from wombat_gitops.services.loglines import LineIndex, last_lines, read_range

TEXTS = st.lists(st.sampled_from(["", "a", "bc", "ü", "long " * 5]), max_size=250).map("\n".join)


@given(text=TEXTS, count=st.integers(1, 300), block=st.sampled_from([1, 7, 1 << 18]))
def test_last_lines_are_those_at_the_end(text: str, count: int, block: int) -> None:
    """Wherever blocks are cut, and also where the last line has no line feed."""
    before, loglines._BLOCK = loglines._BLOCK, block  # type: ignore[misc]
    try:
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(text.encode())
            index = LineIndex.of(file.fileno())
            last = last_lines(file.fileno(), index, count)
            same = read_range(file.fileno(), index, max(1, index.count - count + 1), count)
    finally:
        loglines._BLOCK = before  # type: ignore[misc]
    lines = text.removesuffix("\n").split("\n") if text else []
    assert last.decode() == "".join(f"{line}\n" for line in lines[-count:])
    assert same == lines[-count:]


def test_more_than_a_range_may_hold_is_all_there() -> None:
    """A range is cut at `MAX_BYTES`; the end of a log is not."""
    line = "x" * (loglines.MAX_BYTES // 2)
    with tempfile.TemporaryFile(buffering=0) as file:
        os.write(file.fileno(), f"{line}\n{line}\n{line}\n{line}\n".encode())
        index = LineIndex.of(file.fileno())
        assert last_lines(file.fileno(), index, 3).decode() == f"{line}\n" * 3
        assert len(read_range(file.fileno(), index, 2, 3)) == 2
