"""Changing values in a manifest's text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wombat_gitops.domain.errors import LockError
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.manifest.edit import upgraded_text, version_pointer
from wombat_gitops.domain.model import CORE_MODULE, Module

TEXT = """\
# top
apiVersion: wombat/v1
kind: Distribution
name: tiny
version: {quote}1.0.0{quote}{comment}
benthos: v4.60.0{comment}
packages: [pure]
modules:
  - {{packages: [x], version: {quote}v1.0.0{quote}, module: example.com/a}}{comment}
  - module: {quote}example.com/b{quote}{comment}
    packages: [y]
    version: v1.0.0{comment}
"""


@given(
    quote=st.sampled_from(["", "'", '"']),
    comment=st.sampled_from(["", "  # v1.0.0 was fine", " # \U0001f43b v4.60.0"]),
    end=st.sampled_from(["\n", "\r\n"]),
    tail=st.sampled_from(["", "\n", "# no end"]),
)
def test_only_the_values_change(quote: str, comment: str, end: str, tail: str) -> None:
    """Whatever the quotes, comments and line ends are; what is read afterwards is what was wanted."""
    text = TEXT.format(quote=quote, comment=comment).replace("\n", end) + tail
    before = read_manifest("m/tiny.yaml", text.encode())
    assert before.distribution is not None

    changes = [
        (Module(CORE_MODULE, "v4.60.0"), "v4.61.0"),
        (Module("example.com/a", "v1.0.0"), "v1.10.0"),
        (Module("example.com/b", "v1.0.0"), "v1.2.0-rc.1"),
    ]
    after = upgraded_text(text, before.places, changes, ("1.0.0", "1.1.0"))

    read = read_manifest("m/tiny.yaml", after.encode()).distribution
    assert read is not None
    assert (read.version, [module.version for module in read.modules]) == (
        "1.1.0",
        ["v4.61.0", "v1.10.0", "v1.2.0-rc.1"],
    )
    back = [(Module(module.path, new), module.version) for module, new in changes]
    assert upgraded_text(after, read_manifest("m/tiny.yaml", after.encode()).places, back, ("1.1.0", "1.0.0")) == text


def test_what_stands_elsewhere_is_not_changed() -> None:
    """An alias has its value in another place; a module of a library is in another manifest."""
    text = (
        TEXT.format(quote="", comment="")
        .replace("version: v1.0.0\n", "version: *v\n")
        .replace("version: v1.0.0,", "version: &v v1.0.0,")
    )
    places = read_manifest("m/tiny.yaml", text.encode()).places
    with pytest.raises(LockError, match="cannot be changed by itself"):
        upgraded_text(text, places, [(Module("example.com/b", "v1.0.0"), "v1.1.0")])
    assert version_pointer(places, "example.com/c") == ""
    with pytest.raises(LockError, match=r"example\.com/c"):
        upgraded_text(text, places, [(Module("example.com/c", "v1.0.0"), "v1.1.0")])
