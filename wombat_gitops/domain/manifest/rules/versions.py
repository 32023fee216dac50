"""Rules about versions that are published, 060 to 069."""

from __future__ import annotations

from typing import Final

from wombat_gitops.domain.manifest.rules.rule import Rule

VERSION_PUBLISHED: Final = Rule(
    "WOM-060",
    "version-published",
    "a published version stays the program it is",
    "people who downloaded it yesterday and today would have two programs under one name",
    "raise `version`",
    "version: 1.0.1",
)
