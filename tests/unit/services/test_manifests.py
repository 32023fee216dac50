"""Reading a source: refused entries, locks, dates, and what is read again."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.manifests import CORE, LOCK, SMALL
from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.identity import build_id, make_spec
from wombat_gitops.domain.lock import render_lock
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.model import UNCOMMITTED_DATE
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.ports import Tree, TreeEntry
from wombat_gitops.services.manifests import Declaration, ManifestReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

DATE = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
MANIFEST = "manifests/example.yaml"


@dataclass
class Folder:
    """A source in memory: files by path, and links by path and mode. Notes what was read."""

    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    dated: dict[str, datetime] = field(default_factory=dict)
    id: str = "source"
    url: str = "memory"
    ref: str = "main"
    folder: str = "manifests"
    asked: list[str] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)

    async def revision(self) -> str:
        return "c0ffee"

    async def tree(self, revision: str) -> Tree:
        entries = [
            TreeEntry(path, hashlib.sha256(data).hexdigest(), "100644", self.sizes.get(path, len(data)))
            for path, data in self.files.items()
        ]
        entries += [TreeEntry(path, "0" * 40, mode, None) for path, mode in self.links.items()]
        return Tree(revision, tuple(entries))

    async def read(self, tree: Tree, paths: Sequence[str]) -> Mapping[str, bytes]:
        self.asked += paths
        return {path: self.files[path] for path in paths if path in self.files}

    async def dates(self, tree: Tree, groups: Mapping[str, Sequence[str]]) -> Mapping[str, datetime]:
        self.groups = {name: list(paths) for name, paths in groups.items()}
        return {name: self.dated.get(name, DATE) for name in groups}

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[Callable[[float], Awaitable[None]]]:
        yield asyncio.sleep


def locked(name: str, text: str = SMALL) -> dict[str, bytes]:
    """A manifest of that name and its lock."""
    path = f"manifests/{name}.yaml"
    data = text.replace("name: example", f"name: {name}").encode()
    distribution = read_manifest(path, data).distribution
    assert distribution is not None
    files = render_lock(distribution, LOCK)
    return {
        path: data,
        f"manifests/{name}.lock/go.mod": files.go_mod.encode(),
        f"manifests/{name}.lock/go.sum": files.go_sum.encode(),
    }


def rules(declaration: Declaration) -> list[tuple[str, str]]:
    """Path and rule of each diagnostic."""
    return [(problem.path, problem.rule) for problem in declaration.diagnostics]


async def test_builds_are_those_of_the_one_identity() -> None:
    """A declared build has the id that everybody else computes, one a platform."""
    source = Folder(locked("example"))

    declaration = await ManifestReader(source).read()

    (declared,) = declaration.declared
    assert (declaration.revision, declaration.manifests, declaration.diagnostics) == ("c0ffee", 1, ())
    assert declared.lock == LOCK
    assert declared.date == DATE
    assert declared.manifest == SMALL
    assert [build.id for build in declared.builds] == [
        build_id(make_spec(declared.distribution, LOCK, platform, DATE)) for platform in declared.distribution.platforms
    ]
    assert source.groups == {MANIFEST: list(source.files)}


async def test_only_changed_files_are_read_again() -> None:
    """A second look at the same tree reads nothing; a changed manifest is read alone."""
    source = Folder(locked("example") | locked("other"))
    reader = ManifestReader(source)
    first = await reader.read()
    source.asked.clear()

    assert await reader.read() == first
    assert source.asked == []

    source.files[MANIFEST] = SMALL.replace("1.0.0", "1.1.0").encode()
    changed = await reader.read()
    assert source.asked == [MANIFEST]
    assert [declared.distribution.version for declared in changed.declared] == ["1.1.0", "1.0.0"]


async def test_bad_manifest_leaves_the_others_alone() -> None:
    """It is told and counted; the good one has its builds."""
    source = Folder(locked("example") | {"manifests/bad.yaml": b"name: [", "manifests/deep/bin.yml": b"\xff\xfe\0"})
    declaration = await ManifestReader(source).read()
    assert [declared.distribution.name for declared in declaration.declared] == ["example"]
    assert declaration.declared[0].builds
    assert declaration.manifests == 3
    assert rules(declaration) == [("manifests/bad.yaml", "WOM-007"), ("manifests/deep/bin.yml", "WOM-002")]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("links", "WOM-042"),
        ("missing", "WOM-050"),
        ("half", "WOM-050"),
        ("damaged", "WOM-051"),
        ("bytes", "WOM-051"),
        ("large", "WOM-001"),
    ],
)
async def test_unusable_lock_gives_a_distribution_without_builds(change: str, rule: str) -> None:
    """The distribution is known, the reason is told at its manifest, and nothing can be built."""
    source = Folder(locked("example"))
    go_mod, go_sum = "manifests/example.lock/go.mod", "manifests/example.lock/go.sum"
    match change:
        case "links":
            del source.files[go_mod]
            source.links[go_mod] = "120000"
        case "missing":
            del source.files[go_mod], source.files[go_sum]
        case "half":
            del source.files[go_sum]
        case "damaged":
            source.files[go_mod] += f"replace {CORE} => ../x\nfoo\n".replace("replace", "<<<<").encode()
        case "bytes":
            source.files[go_sum] = b"\xff"
        case _:
            source.sizes[go_sum] = 2_000_000

    declaration = await ManifestReader(source).read()

    (declared,) = declaration.declared
    assert (declared.lock, declared.builds) == (None, ())
    assert rules(declaration) == [(MANIFEST, rule)]
    assert declared.diagnostics == declaration.diagnostics


@pytest.mark.parametrize(
    ("path", "mode", "rule"),
    [
        ("manifests/link.yaml", "120000", "WOM-042"),
        ("manifests/module.yaml", "160000", "WOM-042"),
        ("manifests/folder", "120000", "WOM-042"),
    ],
)
async def test_links_and_submodules_are_never_read(path: str, mode: str, rule: str) -> None:
    """They are told by name; nothing asks for what they lead to."""
    source = Folder(locked("example"), {path: mode})
    declaration = await ManifestReader(source).read()
    assert rules(declaration) == [(path, rule)]
    assert path not in source.asked
    assert len(declaration.declared) == 1


@pytest.mark.parametrize(
    "path",
    [
        "manifests/a\nb.yaml",
        "manifests/a\x1b[31m.yaml",
        "manifests/../x.yaml",
        "manifests/a\\b.yaml",
        "manifests/\udcff.yaml",
        "manifests/-rf.yaml",
        "manifests/" + "a" * 600 + ".yaml",
    ],
)
async def test_odd_paths_are_told_and_not_read(path: str) -> None:
    """The path is shown in plain characters, and its bytes are never asked for."""
    source = Folder({path: SMALL.encode()})
    declaration = await ManifestReader(source).read()
    (problem,) = declaration.diagnostics
    assert problem.rule == "WOM-043"
    assert problem.path.isprintable()
    problem.path.encode()
    assert source.asked == []


async def test_large_manifest_is_not_read() -> None:
    """The size in the tree is enough to refuse it."""
    source = Folder({MANIFEST: b"x"}, sizes={MANIFEST: 5_000_000})
    assert rules(await ManifestReader(source).read()) == [(MANIFEST, "WOM-001")]
    assert source.asked == []


async def test_what_is_no_manifest_is_left_alone() -> None:
    """Other files, files of locks and files beside the folder are not manifests."""
    source = Folder(
        locked("example")
        | {
            "manifests/README.md": b"\xff",
            "manifests/example.lock/extra.yaml": b"[",
            "manifests2/x.yaml": b"[",
            "x.yaml": b"[",
        }
    )
    declaration = await ManifestReader(source).read()
    assert (declaration.manifests, declaration.diagnostics) == (1, ())


async def test_name_conflict_is_told_at_both_and_stays() -> None:
    """Neither is used, however often it is read."""
    source = Folder(locked("example") | {"manifests/team/example.yaml": SMALL.encode()})
    reader = ManifestReader(source)
    for _ in range(3):
        declaration = await reader.read()
        assert declaration.declared == ()
        assert rules(declaration) == [(MANIFEST, "WOM-041"), ("manifests/team/example.yaml", "WOM-041")]


async def test_suspended_distribution_still_has_its_builds() -> None:
    """What it would build is known; whether to build it is not decided here."""
    source = Folder(locked("example", SMALL + "suspend: true\n"))
    (declared,) = (await ManifestReader(source).read()).declared
    assert declared.distribution.suspend
    assert len(declared.builds) == 4


async def test_uncommitted_manifest_has_the_date_of_none() -> None:
    """A date that the source does not know never becomes a clock's."""
    source = Folder(locked("example"), dated={MANIFEST: UNCOMMITTED_DATE})
    (declared,) = (await ManifestReader(source).read()).declared
    assert {build.spec.date for build in declared.builds} == {UNCOMMITTED_DATE}
    assert declared.builds[0].spec.platform == Platform("linux", "amd64")


async def test_readme_is_read_and_moves_no_build() -> None:
    """It is read where it changed, and neither ids nor dates know of it."""
    source = Folder(locked("example") | locked("other"))
    reader = ManifestReader(source)
    (before, other) = (await reader.read()).declared
    source.asked.clear()
    source.files["manifests/example.md"] = b"\xef\xbb\xbf# Example\r\n\xff\r\n"
    source.files["manifests/README.md"] = b"of all of them"

    (after, same) = (await reader.read()).declared

    assert source.asked == ["manifests/example.md"]
    assert after.readme == "# Example\n\N{REPLACEMENT CHARACTER}\n"
    assert (after.builds, after.date, after.diagnostics) == (before.builds, before.date, before.diagnostics)
    assert same is other
    assert not [path for paths in source.groups.values() for path in paths if path.endswith(".md")]

    source.asked.clear()
    assert (await reader.read()).declared == (after, same)
    assert source.asked == []
    del source.files["manifests/example.md"]
    assert (await reader.read()).declared[0].readme == ""


async def test_readme_of_a_folder_belongs_to_its_only_manifest() -> None:
    """`README.md` is of the manifest that is alone below the source's folder; a file of its own name goes first."""
    folder = {path.replace("manifests/", "manifests/deep/"): data for path, data in locked("example").items()}
    source = Folder(folder | {"manifests/deep/README.md": b"the folder's", "manifests/README.md": b"of all"})
    reader = ManifestReader(source)
    assert [each.readme for each in (await reader.read()).declared] == ["the folder's"]
    source.files["manifests/deep/example.md"] = b"its own"
    assert [each.readme for each in (await reader.read()).declared] == ["its own"]
    del source.files["manifests/deep/example.md"]
    source.files["manifests/deep/second.yaml"] = b"name: ["
    assert [each.readme for each in (await reader.read()).declared] == [""]


async def test_large_readme_is_a_warning_and_never_read() -> None:
    """The distribution is built as without it."""
    source = Folder(locked("example") | {"manifests/example.md": b"small"}, sizes={"manifests/example.md": 65_537})
    (item,) = (await ManifestReader(source).read()).declared
    assert "manifests/example.md" not in source.asked
    assert (item.readme, len(item.builds) > 0) == ("", True)
    (problem,) = item.diagnostics
    assert (problem.severity, "65,537 bytes, at most 65,536" in problem.message) == (Severity.WARNING, True)
