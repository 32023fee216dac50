"""What a rule says of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: `WOM-009`.
        slug: the rule in a few words, for file names and addresses.
        title: one line.
        why: what would go wrong without it.
        fix: what to do.
        example: a piece of a manifest as it should be.
    """

    id: str
    slug: str
    title: str
    why: str
    fix: str
    example: str
