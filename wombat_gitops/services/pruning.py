"""How many distributions one revision may retire: what looks like an accident waits for a confirmation in git.

The confirmation is a file of names beside the manifests, so it is reviewed with the change, and the same revision
always means the same, whichever watcher reads it and however often that is restarted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wombat_gitops.services.observed import names

if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIRMATION: Final = "RETIRED"
"""Name of the file, at the top of the source's folder: a name on each line, `#` begins a comment."""

MAX_BYTES: Final = 1024 * 1024
"""Of that file."""

SHARE: Final = 50.0
"""Percent of a source's distributions that may retire at once without confirmation."""


def confirmed_names(data: bytes) -> frozenset[str]:
    """The names in a confirmation."""
    lines = (line.partition("#")[0].strip() for line in data[:MAX_BYTES].decode(errors="replace").splitlines())
    return frozenset(line for line in lines if line)


def held_back(leaving: Iterable[str], had: int, confirmed: frozenset[str], share: float) -> frozenset[str]:
    """The distributions that have to stay until somebody confirms that they go.

    A single one may always go: that is what removing a manifest means.

    Args:
        leaving: names that the revision would retire.
        had: how many distributions the source has now.
        share: percent of them that may go unconfirmed.
    """
    unconfirmed = frozenset(leaving) - confirmed
    too_many = len(unconfirmed) > 1 and len(unconfirmed) * 100 > had * share
    return unconfirmed if too_many else frozenset()


def explain(held: frozenset[str], had: int, folder: str, share: float) -> str:
    """What a person reads who is to confirm it."""
    place = f"{folder}/{CONFIRMATION}" if folder else CONFIRMATION
    return (
        f"this commit would retire {len(held)} of {had} distributions, more than {share:g} %: {names(held)}; "
        f"to confirm it, commit their names to `{place}`, one on each line; otherwise put the manifests back"
    )
