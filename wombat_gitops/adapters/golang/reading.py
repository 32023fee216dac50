"""Reads packages' source in the module cache: what they register, and under which licence they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.constraints import Target, fits_name, is_built, what_is_missing
from wombat_gitops.domain.goscope import exported_names
from wombat_gitops.domain.gosyntax import GoFile, components_of, imports_of, read_go_file
from wombat_gitops.domain.licenses import UNKNOWN, license_of_header, license_of_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wombat_gitops.domain.contents import Component
    from wombat_gitops.domain.platforms import Platform

_LARGEST: Final = 4_000_000
"""Bytes of a Go file that are read; generated tables can be larger and register nothing."""

_LICENSE_NAMES: Final = ("license", "licence", "copying", "unlicense", "mit-license")


class SourceReader:
    """Reads files once for as long as it lives; the module cache never changes under a version."""

    def __init__(self) -> None:
        self._texts: dict[Path, str] = {}
        self._files: dict[Path, GoFile] = {}
        self._imports: dict[Path, set[str]] = {}
        self._licenses: dict[Path, str] = {}
        self._packages: dict[tuple[Path, ...], frozenset[Component]] = {}

    def text(self, path: Path) -> str:
        """A file's text; "" where it cannot be read."""
        if path not in self._texts:
            try:
                with path.open("rb") as file:
                    self._texts[path] = file.read(_LARGEST).decode("utf-8", "replace")
            except OSError:
                self._texts[path] = ""
        return self._texts[path]

    def file(self, path: Path) -> GoFile:
        """What a Go file says."""
        if path not in self._files:
            self._files[path] = read_go_file(self.text(path))
        return self._files[path]

    def imports(self, path: Path) -> set[str]:
        """Import paths of a Go file."""
        if path not in self._imports:
            self._imports[path] = imports_of(self.text(path))
        return self._imports[path]

    def components(self, folder: Path, names: Iterable[str]) -> frozenset[Component]:
        """What some files of one package register."""
        paths = tuple(folder / name for name in sorted(names))
        if paths not in self._packages:
            registers = any("Register" in self.text(path) for path in paths)
            self._packages[paths] = components_of([self.file(path) for path in paths], {}) if registers else frozenset()
        return self._packages[paths]

    def licenses(self, folder: Path, names: Iterable[str], root: Path, *, by_file: bool) -> dict[str, str]:
        """Licences of a package's files, each with the first file that is under it, by its path in the module.

        Args:
            root: the module's folder; the nearest licence file from the package up to there counts.
            by_file: look at each file's own header first. Only modules that mix licences need it.
        """
        around = self._around(folder, root)
        files = [folder / name for name in sorted(names)]
        where = {license_of_header(self.text(file)) if by_file else "": file for file in reversed(files)}
        found = {name or around: file.relative_to(root).as_posix() for name, file in where.items()}
        return found or {around: ""}

    def lost_names(self, folder: Path, kept: Iterable[str], ignored: Iterable[str], target: Target) -> frozenset[str]:
        """What a package would offer with cgo, and does not without it."""
        if target.cgo:
            return frozenset()
        wider = replace(target, cgo=True)
        lost = [name for name in ignored if fits_name(name, wider) and is_built(name, self.text(folder / name), wider)]
        if not lost:
            return frozenset()
        names, left = (
            {name for each in files for name in exported_names(self.text(folder / each))} for files in (lost, kept)
        )
        return frozenset(names - left)

    def _around(self, folder: Path, root: Path) -> str:
        if folder in self._licenses:
            return self._licenses[folder]
        found = next((self.text(path) for path in _license_files(folder)), None)
        if found is not None:
            name = license_of_text(found)
        elif folder != root and root in folder.parents:
            name = self._around(folder.parent, root)
        else:
            name = UNKNOWN
        self._licenses[folder] = name
        return name


def target_of(platform: Platform, tags: Iterable[str], *, cgo: bool) -> Target:
    """The target of a build as constraints see it."""
    return Target(platform.os, platform.arch, frozenset(tags), cgo)


def what_would_help(reader: SourceReader, folder: Path, names: Iterable[str], target: Target) -> str:
    """What some files that are not built would need: a tag, cgo, another platform; or ""."""
    needs = [
        need
        for name in sorted(names)
        if not name.endswith("_test.go") and (need := what_is_missing(name, reader.text(folder / name), target))
    ]
    return min(needs, key=lambda need: (need == "another platform", len(need)), default="")


def built_files(reader: SourceReader, folder: Path, target: Target) -> tuple[list[str], list[str]]:
    """Names of the Go files of a folder that are built for a target, and of those that are not."""
    built: list[str] = []
    ignored: list[str] = []
    for path in sorted(folder.glob("*.go")):
        if not path.name.endswith("_test.go"):
            (built if is_built(path.name, reader.text(path), target) else ignored).append(path.name)
    return built, ignored


def _license_files(folder: Path) -> list[Path]:
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    except OSError:
        return []
    return [folder / name for name in names if name.lower().startswith(_LICENSE_NAMES) and not name.endswith(".go")]
