"""Every rule a manifest or its lock can break, as data: what it is, why it is there, how to mend it.

Ids are stable for ever: a rule that goes leaves its number unused. 001 to 019 are about the file as YAML,
020 to 029 about its fields, 030 to 039 about what they mean together, 040 to 049 about files in the folder,
050 to 059 about the lock, 060 to 069 about versions that are published, 070 to 079 about packages,
080 to 089 about policy, 090 to 099 about defaults and libraries, 100 to 109 are hints, 110 to 119 about pipelines.
A module a subject.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.manifest.rules import (
    fields,
    files,
    locks,
    meaning,
    packages,
    pipelines,
    policy,
    shared,
    text,
    versions,
)
from wombat_gitops.domain.manifest.rules.fields import *
from wombat_gitops.domain.manifest.rules.files import *
from wombat_gitops.domain.manifest.rules.locks import *
from wombat_gitops.domain.manifest.rules.meaning import *
from wombat_gitops.domain.manifest.rules.packages import *
from wombat_gitops.domain.manifest.rules.pipelines import *
from wombat_gitops.domain.manifest.rules.policy import *
from wombat_gitops.domain.manifest.rules.rule import Rule as Rule
from wombat_gitops.domain.manifest.rules.shared import *
from wombat_gitops.domain.manifest.rules.text import *
from wombat_gitops.domain.manifest.rules.versions import *

if TYPE_CHECKING:
    from types import ModuleType

_SUBJECTS: Final[tuple[ModuleType, ...]] = (
    text,
    fields,
    meaning,
    files,
    locks,
    versions,
    packages,
    policy,
    shared,
    pipelines,
)

BY_SUBJECT: Final[tuple[tuple[str, tuple[Rule, ...]], ...]] = tuple(
    ((module.__doc__ or "").splitlines()[0], tuple(rule for rule in vars(module).values() if isinstance(rule, Rule)))
    for module in _SUBJECTS
)
"""Subjects in words, each with its rules."""

_ALL: Final = [rule for _, subject in BY_SUBJECT for rule in subject]

RULES: Final[dict[str, Rule]] = {rule.id: rule for rule in sorted(_ALL, key=lambda rule: rule.id)}
"""Every rule by its id, in order."""
