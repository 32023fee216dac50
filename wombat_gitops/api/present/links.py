"""Where things are, below the root of the API and of the downloads."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

ROOT: Final = "/api/v1"
RULES_PATH: Final = "/docs/rules"


def distribution_url(name: str) -> str:
    """Where a distribution is told of."""
    return f"{ROOT}/distributions/{quote(name)}"


def version_url(name: str, version: str) -> str:
    """Where a version is described."""
    return f"{distribution_url(name)}/versions/{quote(version)}"


def build_url(identity: str) -> str:
    """Where a build is told of."""
    return f"{ROOT}/builds/{identity}"


def download_url(name: str, version: str, file_name: str) -> str:
    """Where a published file is, by its name."""
    return f"/dl/{quote(name)}/{quote(version)}/{quote(file_name)}"


def checksums_url(name: str, version: str) -> str:
    """Where the checksums of a version are."""
    return download_url(name, version, "SHA256SUMS")


def digest_url(sha256: str) -> str:
    """Where these very bytes are."""
    return f"/dl/sha256/{sha256}"
