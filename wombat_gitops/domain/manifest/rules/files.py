"""Rules about files in the folder, 040 to 049."""

from __future__ import annotations

from typing import Final

from wombat_gitops.domain.manifest.rules.rule import Rule

FILE_NAME: Final = Rule(
    "WOM-040",
    "file-name",
    "a manifest's file is named for its distribution",
    "so that everybody finds it, and its lock beside it",
    "rename the file or the distribution",
    "name: tiny    # in tiny.yaml",
)
NAME_CONFLICT: Final = Rule(
    "WOM-041",
    "name-conflict",
    "a distribution is declared by one manifest",
    "two manifests would replace each other's builds; neither is used",
    "rename one of them",
    "name: tiny",
)
NOT_A_FILE: Final = Rule(
    "WOM-042",
    "not-a-file",
    "manifests and locks are regular files",
    "symbolic links and submodules lead out of the folder, and are never followed",
    "put the file itself there",
    "manifests/tiny.yaml",
)
ODD_PATH: Final = Rule(
    "WOM-043",
    "odd-path",
    "a path is plain text, and one that Windows can check out",
    "names with control characters, backslashes or `..` mean different files to different programs; with names of "
    "devices, a dot or a space at the end, or one of `<>:|?*`, git on Windows cannot check out the repository",
    "rename the file or folder",
    "manifests/tiny.yaml",
)
CASE_COLLISION: Final = Rule(
    "WOM-044",
    "case-collision",
    "paths of manifests differ by more than upper and lower case",
    "on macOS and Windows such files are one and the same; only the one in lower case is used",
    "rename the file or folder, in lower case",
    "manifests/tiny.yaml",
)
NOT_READ: Final = Rule(
    "WOM-045",
    "not-read",
    "a manifest's file ends in `.yaml` or `.yml`, in lower case",
    "other files are passed over, so what they declare is never built",
    "rename the file, or move it out of the folder",
    "manifests/tiny.yaml",
)
