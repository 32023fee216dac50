"""Cases of rules that no file breaks by itself: entries of a tree, and a version that was published before."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.support.manifests import LOCK, SMALL
from wombat_gitops.adapters.git.empty import EmptySource
from wombat_gitops.domain.declaration import Declaration, Declared, desired_builds
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.publication import compare_declarations
from wombat_gitops.ports import Tree, TreeEntry
from wombat_gitops.services.manifests import ManifestReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.manifest import Reading

PATH = "manifests/example.yaml"
DATE = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


class Entries(EmptySource):
    """A tree of the small manifest under some paths, each with a mode."""

    def __init__(self, modes: Mapping[str, str]) -> None:
        super().__init__("manifests")
        self._modes = modes

    async def tree(self, revision: str) -> Tree:
        oid = hashlib.sha256(SMALL.encode()).hexdigest()
        return Tree(revision, tuple(TreeEntry(path, oid, mode, len(SMALL)) for path, mode in self._modes.items()))

    async def read(self, tree: Tree, paths: Sequence[str]) -> Mapping[str, bytes]:
        return dict.fromkeys(paths, SMALL.encode())


def problems_of(modes: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """What is told of a tree."""
    return asyncio.run(ManifestReader(Entries(modes)).read()).diagnostics


def changed_after_publication() -> tuple[Diagnostic, ...]:
    """The same version with another tag."""
    before, _ = declaration(SMALL)
    after, reading = declaration(f"{SMALL}tags: [timetzdata]\n")
    return compare_declarations(before, after, {PATH: reading.places})


def declaration(text: str) -> tuple[Declaration, Reading]:
    """What a folder with one manifest declares."""
    reading = read_manifest(PATH, text.encode())
    assert reading.distribution is not None
    builds = desired_builds(reading.distribution, LOCK, DATE)
    return Declaration("c0ffee", (Declared(reading.distribution, LOCK, DATE, text, builds, ()),), (), 1), reading


MADE: dict[str, Callable[[], tuple[Diagnostic, ...]]] = {
    "WOM-042-not-a-file": lambda: problems_of({PATH: "120000", "manifests/module": "160000"}),
    "WOM-043-odd-path": lambda: problems_of({"manifests/\u202elmay.yaml": "100644", "manifests/-rf.yaml": "100644"}),
    "WOM-044-case-collision": lambda: problems_of({PATH: "100644", "manifests/Example.yaml": "100644"}),
    "WOM-045-not-read": lambda: problems_of({"manifests/Example.YAML": "100644", "manifests/b.yaml~": "100644"}),
    "WOM-060-version-published": changed_after_publication,
}
