"""Reads under which licences the files of packages in the module store are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.licenses import UNKNOWN, license_of_header, license_of_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_LARGEST: Final = 400_000
"""Bytes of a file that are read: licences stand at its beginning."""

_LICENSE_NAMES: Final = ("license", "licence", "copying", "unlicense", "mit-license")


class LicenseReader:
    """Reads files once for as long as it lives; modules never change under a version."""

    def __init__(self) -> None:
        self._texts: dict[Path, str] = {}
        self._licenses: dict[Path, str] = {}

    def _text(self, path: Path) -> str:
        if path not in self._texts:
            try:
                with path.open("rb") as file:
                    self._texts[path] = file.read(_LARGEST).decode("utf-8", "replace")
            except OSError:
                self._texts[path] = ""
        return self._texts[path]

    def licenses(self, folder: Path, names: Iterable[str], root: Path, *, by_file: bool) -> dict[str, str]:
        """Licences of a package's files, each with the first file that is under it, by its path in the module.

        Args:
            root: the module's folder; the nearest licence file from the package up to there counts.
            by_file: look at each file's own header first. Only modules that mix licences need it.
        """
        around = self._around(folder, root)
        files = [folder / name for name in sorted(names)]
        where = {license_of_header(self._text(file)) if by_file else "": file for file in reversed(files)}
        found = {name or around: file.relative_to(root).as_posix() for name, file in where.items()}
        return found or {around: ""}

    def _around(self, folder: Path, root: Path) -> str:
        if folder in self._licenses:
            return self._licenses[folder]
        found = next((self._text(path) for path in _license_files(folder)), None)
        if found is not None:
            name = license_of_text(found)
        elif folder != root and root in folder.parents:
            name = self._around(folder.parent, root)
        else:
            name = UNKNOWN
        self._licenses[folder] = name
        return name


def _license_files(folder: Path) -> list[Path]:
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    except OSError:
        return []
    return [folder / name for name in names if name.lower().startswith(_LICENSE_NAMES) and not name.endswith(".go")]
