"""Order of versions, what is newer within a major version, and how a distribution's own version grows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GO: Final = "go"
"""The name under which the releases of Go itself are listed, as Go does."""

Key = tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]

_RELEASE: Final = re.compile(r"(1(?:\.\d+){1,2})((?:rc|beta)\d+)?", re.ASCII)
_LAST_NUMBER: Final = re.compile(r"^(.*?)(\d+)$")


def version_key(version: str) -> Key:
    """Sort key of semantic versions, with or without `v`: a pre-release comes before its release (semver.org, 11)."""
    release, _, suffix = version.removeprefix("v").partition("+")[0].partition("-")
    numbers = tuple(int(part) if part.isdecimal() else 0 for part in release.split("."))
    parts = tuple(
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in suffix.split(".") if suffix
    )
    return numbers, not suffix, parts


def version_order(version: str) -> tuple[Key, str]:
    """Sort key of a distribution's versions: as `version_key`, and stable where only build metadata differs."""
    return version_key(version), version


def current_and_newest(current: str, versions: Sequence[str]) -> str:
    """What to say of the versions that exist where another one was asked for; "" where there is none.

    Args:
        current: the version that the manifest declares, or "".
        versions: those that exist, highest first.
    """
    if not versions:
        return ""
    newest = f"the newest is `{versions[0]}`"
    return newest if current in {"", versions[0]} else f"git declares `{current}`; {newest}"


def is_prerelease(version: str) -> bool:
    """Whether a module version is a pre-release or a commit that has no version."""
    return "-" in version.partition("+")[0]


def newer_versions(current: str, known: Iterable[str]) -> tuple[str, ...]:
    """The versions after *current* within its major version, newest first.

    Pre-releases are among them only where *current* is one itself.
    """
    major = version_key(current)[0][0]
    return tuple(
        sorted(
            {
                version
                for version in known
                if version_key(version)[0][0] == major
                and version_key(version) > version_key(current)
                and (is_prerelease(current) or not is_prerelease(version))
                and version.endswith("+incompatible") == current.endswith("+incompatible")
            },
            key=version_key,
            reverse=True,
        )
    )


def newest_release(current: str, known: Iterable[str]) -> str:
    """The newest finished release of Go that is not older than *current*, both without the leading `go`."""
    releases = [release for release in known if (match := _RELEASE.fullmatch(release)) and not match[2]]
    return max((*releases, current), key=_release_key)


def _release_key(release: str) -> tuple[tuple[int, ...], bool]:
    match = _RELEASE.fullmatch(release)
    numbers = tuple(int(part) for part in match[1].split(".")) if match else ()
    return numbers, match is not None and not match[2]


def bumped(version: str, changes: Iterable[tuple[str, str]]) -> str:
    """A distribution's next version, after modules changed from one version to another.

    Where only patch versions changed, the patch version grows, else the minor version. The last number of
    a pre-release grows. Build metadata is dropped.
    """
    base = version.partition("+")[0]
    release, _, suffix = base.partition("-")
    if suffix:
        match = _LAST_NUMBER.match(suffix)
        return f"{release}-{match[1]}{int(match[2]) + 1}" if match else f"{base}.1"
    major, minor, patch = (int(part) for part in release.split("."))
    same_line = all(version_key(old)[0][:2] == version_key(new)[0][:2] for old, new in changes)
    return f"{major}.{minor}.{patch + 1}" if same_line else f"{major}.{minor + 1}.0"
