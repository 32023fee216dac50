"""Names of Go packages: which ones a file offers to other packages, and which ones it takes from another.

Without cgo, the files of a package that hold C are left out. What is left may still be a package, and fails to
compile where somebody uses a name of the files that are gone.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from wombat_gitops.domain.gosyntax import scan

_DECLARED: Final = re.compile(r"^(?:func|type|var|const) ([A-Z]\w*)", re.MULTILINE)
_GROUP: Final = re.compile(r"^(?:type|var|const) \($(.*?)^\)", re.MULTILINE | re.DOTALL)
_MEMBER: Final = re.compile(r"^\t([A-Z]\w*)", re.MULTILINE)


def exported_names(source: str) -> frozenset[str]:
    """What a file declares for other packages; of the form that gofmt gives it, and no methods."""
    grouped = (name for group in _GROUP.findall(source) for name in _MEMBER.findall(group))
    return frozenset((*_DECLARED.findall(source), *grouped))


def names_used(source: str, path: str, name: str) -> frozenset[str]:
    """The names that a file takes from the package *path*, which calls itself *name*."""
    words = list(scan(source))
    alias = ""
    for before, token in pairwise(words):
        if token.kind == "text" and token.value == path:
            alias = before.value if before.kind == "word" and before.value != "import" else name
            break
    if alias in {"", "_"}:
        return frozenset()
    triples = zip(words, words[1:], words[2:], strict=False)
    return frozenset(
        member.value
        for owner, dot, member in triples
        if owner.kind == "word" and owner.value == alias and dot.value == "." and member.kind == "word"
    )
