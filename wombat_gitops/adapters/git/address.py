"""Which URLs, branches and folders may reach git at all, and URLs without their secrets.

Git runs programs for some URLs (`ext::`), and takes texts that begin with `-` for options: both are
refused here, before anything is executed.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from collections.abc import Collection

PROTOCOLS: Final = frozenset({"file", "https", "ssh"})
"""Transports that are allowed where nothing else was configured."""

_HELPER: Final = re.compile(r"^[A-Za-z0-9+.-]*::")
_SCHEME: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP: Final = re.compile(r"^(?P<host>[^/:\s]+):(?!//)(?P<path>.+)$")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f]")
_CREDENTIALS: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s]*@")  # a password may hold an `@`
_BAD_REF: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|^\.|\.$|^/|/$|^@$")
_SLUG: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Address:
    """A URL that may be given to git.

    Attributes:
        url: what git gets on its command line; holds no password.
        authorization: value of an HTTP `Authorization` header, or "".
        protocol: git's word for the transport, `https`.
    """

    url: str
    protocol: str
    authorization: str = ""

    @classmethod
    def parse(cls, url: str, protocols: Collection[str] = PROTOCOLS) -> Address:
        """Check *url* and part it from its credentials.

        Raises:
            Refused: not a URL, or not one of *protocols*.
        """
        shown = visible_line(redact(url))
        if not url or url.startswith("-") or _UNPRINTABLE.search(url) or _HELPER.match(url):
            msg = f"`{shown}` is not allowed as the URL of a repository"
            raise Refused(msg, hint="give an https or ssh URL")
        protocol = _protocol(url)
        if protocol not in protocols:
            msg = f"`{shown}` uses the transport `{protocol}`, which is not allowed"
            raise Refused(msg, hint=f"allowed are {', '.join(sorted(protocols))}")
        _check_host(url, shown)
        if protocol in {"http", "https"}:
            return cls(*_without_credentials(url, protocol))
        return cls(url, protocol)


def _protocol(url: str) -> str:
    scheme = _SCHEME.match(url)
    if scheme is not None:
        return scheme[1].lower()
    if url.startswith("/"):
        return "file"
    if _SCP.match(url) is not None:
        return "ssh"
    msg = f"`{visible_line(redact(url))}` is not the URL of a repository"
    raise Refused(msg, hint="give an https or ssh URL, or an absolute path")


def _check_host(url: str, shown: str) -> None:
    """A host or user that begins with `-` would be an option of ssh."""
    match = _SCP.match(url)
    try:
        host = match["host"] if match is not None else urlsplit(url).netloc
    except ValueError as error:
        msg = f"`{shown}` is not the URL of a repository"
        raise Refused(msg) from error
    if any(part.startswith("-") for part in host.split("@")):
        msg = f"`{shown}` is not allowed as the URL of a repository"
        raise Refused(msg, hint="the host begins with a dash")


def _without_credentials(url: str, protocol: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    user, separator, host = parts.netloc.rpartition("@")
    if not separator:
        return url, protocol, ""
    name, _, password = user.partition(":")
    secret = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), protocol, f"Basic {secret}"


def redact(text: str) -> str:
    """*text* with the credentials of every URL in it taken out."""
    return _CREDENTIALS.sub(r"\1", text)


def check_branch(ref: str) -> str:
    """The full name of a branch, `refs/heads/main`, from its name with or without that prefix.

    Raises:
        Refused: git would not accept it, or might take it for something else.
    """
    name = ref.removeprefix("refs/heads/")
    if not name or name.startswith("-") or _BAD_REF.search(name):
        msg = f"`{visible_line(ref)}` is not the name of a branch"
        raise Refused(msg)
    return f"refs/heads/{name}"


def check_folder(folder: str) -> str:
    """A folder of a repository as git spells it: relative, no `.` or `..`, "" for the whole of it.

    Raises:
        Refused: it leads out of the repository or into `.git`.
    """
    parts = [part for part in folder.split("/") if part not in {"", "."}]
    if folder.startswith("/") or ".." in parts or ".git" in parts or "\0" in folder or "\\" in folder:
        msg = f"`{visible_line(folder)}` is not a folder inside a repository"
        raise Refused(msg)
    return "/".join(parts)


def source_id(url: str, ref: str, folder: str) -> str:
    """Short stable id of what is watched, usable as a key; the same whatever the credentials are."""
    shown = redact(url)
    digest = hashlib.sha256(f"{shown}\0{ref}\0{folder}".encode()).hexdigest()
    last = shown.rstrip("/").removesuffix(".git").replace(":", "/").rpartition("/")[2]
    slug = _SLUG.sub("-", last.lower()).strip("-")[:32] or "source"
    return f"{slug}-{digest[:12]}"
