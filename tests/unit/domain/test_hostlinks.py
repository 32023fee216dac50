"""Links to files on git hosts."""

from __future__ import annotations

import pytest

from wombat_gitops.domain.hostlinks import file_url, new_file
from wombat_gitops.domain.sources import Host

COMMIT = "4f3c2b1a" * 5


@pytest.mark.parametrize(
    ("url", "host", "wanted"),
    [
        ("https://github.com/a/b.git", None, f"https://github.com/a/b/blob/{COMMIT}/m/x.yaml#L3"),
        ("git@gitlab.com:a/c/b.git", None, f"https://gitlab.com/a/c/b/-/blob/{COMMIT}/m/x.yaml#L3"),
        ("ssh://git@codeberg.org:22/a/b", None, f"https://codeberg.org/a/b/src/commit/{COMMIT}/m/x.yaml#L3"),
        ("https://git.invalid:8443/a/b", Host.GITEA, f"https://git.invalid:8443/a/b/src/commit/{COMMIT}/m/x.yaml#L3"),
        ("https://git.invalid/a/b", None, ""),
        ("/srv/catalogue", Host.GITHUB, ""),
        ("file:///srv/catalogue", Host.GITHUB, ""),
        ('git@evil.invalid"><script>:a/b', Host.GITHUB, ""),
    ],
)
def test_a_file_at_a_commit(url: str, host: Host | None, wanted: str) -> None:
    """Each software has its form; where the host or its software is not known there is no link."""
    assert file_url(url, COMMIT, "m/x.yaml", line=3, host=host) == wanted


@pytest.mark.parametrize("revision", ["", "main", f"{COMMIT}+", "4f3c2b1a"])
def test_only_whole_commits_are_linked(revision: str) -> None:
    """A work tree, a branch or a part of a commit would show something else."""
    assert file_url("https://github.com/a/b", revision, "m/x.yaml") == ""


def test_a_path_cannot_leave_its_place() -> None:
    """What means something in an address is escaped."""
    assert file_url("https://github.com/a/b", COMMIT, "m/ä ?#.yaml").endswith(f"/{COMMIT}/m/%C3%A4%20%3F%23.yaml")


@pytest.mark.parametrize(
    ("url", "address", "whole"),
    [
        (
            "git@github.com:team/catalogue.git",
            "https://github.com/team/catalogue/new/main?filename=manifests%2Fa%20b.yaml&value=name%3A%20a%26b%0A",
            True,
        ),
        (
            "https://codeberg.org/team/catalogue",
            "https://codeberg.org/team/catalogue/_new/main/?filename=manifests%2Fa%20b.yaml&value=name%3A%20a%26b%0A",
            True,
        ),
        (
            "https://gitlab.com/team/sub/catalogue.git",
            "https://gitlab.com/team/sub/catalogue/-/new/main?file_name=manifests%2Fa%20b.yaml",
            False,
        ),
    ],
)
def test_a_new_file_is_proposed_where_the_host_takes_it(url: str, address: str, whole: bool) -> None:
    """GitHub and Gitea take name and text; GitLab's editor takes the name alone."""
    page = new_file(url, "main", "manifests/a b.yaml", "name: a&b\n")
    assert page is not None
    assert (page.url, page.whole) == (address, whole)


def test_a_text_that_is_too_long_for_an_address_is_left_out() -> None:
    page = new_file("https://github.com/team/catalogue", "main", "m/x.yaml", "é" * 2000)
    assert page is not None
    assert (page.url, page.whole) == ("https://github.com/team/catalogue/new/main?filename=m%2Fx.yaml", False)


@pytest.mark.parametrize("url", ["https://git.invalid/team/catalogue", "../catalogue", "https://github.com/catalogue"])
def test_nothing_is_proposed_where_nobody_knows_the_host(url: str) -> None:
    assert new_file(url, "main", "m/x.yaml", "x") is None
    told = new_file("https://git.invalid/team/catalogue", "main", "m/x.yaml", "x", host=Host.GITEA)
    assert told is not None
    assert told.url.startswith("https://git.invalid/team/catalogue/_new/main/?")
