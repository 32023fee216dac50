"""Where a git host shows the files of a repository to people, and where it takes a new one.

Forms: GitHub `/<repository>/blob/<commit>/<path>`, GitLab `/-/blob/`, Gitea and Forgejo `/src/commit/`; all of
them take `#L<line>`. A new file: GitHub `/new/<branch>`, Gitea and Forgejo `/_new/<branch>/`, both with its name and
text in the address; GitLab `/-/new/<branch>`, whose editor takes the name alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode, urlsplit

from wombat_gitops.domain.sources import Host

if TYPE_CHECKING:
    from collections.abc import Mapping

_PUBLIC: Final[Mapping[str, Host]] = {
    "github.com": Host.GITHUB,
    "gitlab.com": Host.GITLAB,
    "codeberg.org": Host.GITEA,
    "gitea.com": Host.GITEA,
}
_FOLDERS: Final[Mapping[Host, str]] = {Host.GITHUB: "blob", Host.GITLAB: "-/blob", Host.GITEA: "src/commit"}
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME: Final = re.compile(r"[a-z0-9.-]+(:\d{1,5})?")

LONGEST_ADDRESS: Final = 8000
"""Bytes of an address that browsers, proxies and hosts all take."""


@dataclass(frozen=True, slots=True)
class NewFile:
    """A host's page for a new file, from which it leads to a pull request, through a fork where that is needed.

    Attributes:
        whole: the address carries the file's text; without it, a person pastes that.
    """

    host: Host
    url: str
    whole: bool


def repository_of(url: str) -> tuple[str, str] | None:
    """Host (with its port, of an https URL) and path of a repository, or None where it is on no host."""
    if "://" not in url:
        host, colon, path = url.rpartition("@")[2].partition(":")
        place = (host, path) if colon else None
    else:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2] if parts.scheme == "https" else parts.hostname or ""
        place = (host, parts.path) if host else None
    if place is None:
        return None
    name = place[1].strip("/").removesuffix(".git")
    return (place[0].lower(), name) if "/" in name else None


def public_host(url: str) -> Host | None:
    """The software of the host of a repository, where everybody knows it."""
    place = repository_of(url)
    return _PUBLIC.get(place[0].partition(":")[0]) if place is not None else None


def file_url(url: str, revision: str, path: str, *, line: int = 0, host: Host | None = None) -> str:
    """Where people read a file at a commit, or "" where that is not known.

    Args:
        url: of the repository, as a source has it: https, ssh or `git@host:path`.
        revision: whole commit; one of a work tree, with `+` behind it, is on no host.
        path: of the file in the repository.
        line: 1-based; 0 for the whole file.
        host: software of the host, where it is not one that everybody knows.
    """
    place, software = repository_of(url), host or public_host(url)
    if place is None or software is None or not _COMMIT.fullmatch(revision) or not _NAME.fullmatch(place[0]):
        return ""
    anchor = f"#L{line}" if line else ""
    return f"https://{place[0]}/{quote(place[1])}/{_FOLDERS[software]}/{revision}/{quote(path)}{anchor}"


def new_file(url: str, branch: str, path: str, text: str, *, host: Host | None = None) -> NewFile | None:
    """Where people propose a new file to a repository, or None where that is not known.

    Args:
        branch: that it is to be merged into.
        path: of the file in the repository.
        host: as `file_url`.
    """
    place, software = repository_of(url), host or public_host(url)
    if place is None or software is None or not branch or not _NAME.fullmatch(place[0]):
        return None
    site = f"https://{place[0]}/{quote(place[1])}"
    if software is Host.GITLAB:
        return NewFile(software, f"{site}/-/new/{quote(branch)}?{_query(file_name=path)}", whole=False)
    page = f"{site}/new/{quote(branch)}" if software is Host.GITHUB else f"{site}/_new/{quote(branch)}/"
    address = f"{page}?{_query(filename=path, value=text)}"
    if len(address) <= LONGEST_ADDRESS:
        return NewFile(software, address, whole=True)
    return NewFile(software, f"{page}?{_query(filename=path)}", whole=False)


def _query(**fields: str) -> str:
    return urlencode(fields, quote_via=quote)
