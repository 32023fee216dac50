"""Runs git: whole environment, no configuration but ours, a deadline, and failures told apart.

Nothing git could ask a person, start by itself in the background, or read from the machine's
configuration is left switched on, so a command does the same in a terminal, a container and a test.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters import process
from wombat_gitops.adapters.git.address import redact
from wombat_gitops.domain.errors import (
    CorruptData,
    InternalError,
    NotFound,
    Refused,
    TimedOut,
    TooLarge,
    Unreachable,
    UserError,
    WombatError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wombat_gitops.adapters.git.address import Address
    from wombat_gitops.adapters.process import Captured

_INHERITED: Final = (
    "PATH",
    "SSH_AUTH_SOCK",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
)
"""What git needs of our own environment to reach a host: programs, agent, proxies, certificates."""

_CONFIG: Final[dict[str, str]] = {
    "core.bigFileThreshold": "16m",  # larger files than are ever read do not have to fit into memory
    "core.hooksPath": os.devnull,
    "core.packedGitLimit": "512m",
    "core.packedGitWindowSize": "64m",
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "fetch.unpackLimit": "1",  # packs are written as they come; loose objects would be held in memory
    "gc.auto": "0",
    "maintenance.auto": "false",
    "credential.helper": "",
    "log.showRoot": "true",
    "log.showSignature": "false",
    "protocol.version": "2",
    "submodule.recurse": "false",
}

_LIMIT: Final = 128 * 1024 * 1024
"""Bytes of output: a tree with `objects.MOST_ENTRIES` long paths fits."""

_MEMORY: Final = 2 * 1024**3
"""Bytes of address space; the history of 10,000 manifests takes a tenth of it. A few kilobytes of a repository can
stand for any number of paths, and git holds them all."""
_LARGEST: Final = "512m"
"""The largest piece of memory at once: a few kilobytes can stand for a file of any size. Holds from the start also for
what git starts by itself."""

_DENIED: Final = re.compile(
    r"authentication failed|could not read (username|password)|terminal prompts disabled|permission denied"
    r"|access denied|returned error: 40[13]|host key verification failed|transport '.*' not allowed"
    r"|repository .*not found|does not appear to be a git repository|does not exist|dubious ownership"
    r"|returned error: (30[12378]|404)|strange (host|path)name .* blocked",
    re.IGNORECASE,
)
_MOVED: Final = re.compile(r"returned error: 30[12378]")
_NO_REF: Final = re.compile(r"couldn't find remote ref|remote branch .* not found", re.IGNORECASE)
_AWAY: Final = re.compile(
    r"could not resolve|couldn't resolve|connection (refused|reset|timed out|closed)|failed to connect|couldn't connect"
    r"|unable to (connect|access|look up)|network is unreachable|no route to host|early eof|hung up|rpc failed"
    r"|timed out|could not read from remote|unexpected disconnect|the requested url returned error|ssl|gnutls|curl \d+"
    r"|bad line length|protocol error|expected '?flush|invalid index-pack output",
    re.IGNORECASE,
)
_FULL: Final = re.compile(r"no space left|disk quota exceeded|read-only file system", re.IGNORECASE)
_EXHAUSTED: Final = re.compile(
    r"out of memory|cannot allocate|malloc failed|mmap failed|attempting to allocate", re.IGNORECASE
)
_SMALLER: Final = "keep manifests in a repository of their own"
_TIMINGS: Final = re.compile(r" after \d+ ms")


@dataclass(frozen=True, slots=True)
class Git:
    """The program git with everything that is the same in all its calls.

    Attributes:
        protocols: transports git may use; enforced by git as well, for redirects.
        seconds: deadline of a command, unless the call says otherwise.
    """

    protocols: frozenset[str] = frozenset()
    seconds: float = 60.0
    inherit: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    async def run(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        stdin: bytes | None = None,
        seconds: float | None = None,
        address: Address | None = None,
    ) -> Captured:
        """Run `git <arguments>` to its end, whatever its exit status.

        Raises:
            NotFound: git is not installed.
            TooLarge: it wrote more than is read.
            Unreachable: the deadline passed (caused by a `TimedOut`).
        """
        deadline = self.seconds if seconds is None else seconds
        try:
            return await process.capture(
                ["git", "--no-pager", *arguments],
                cwd=cwd,
                env=self._environment(cwd, address),
                seconds=deadline,
                stdin=stdin,
                limit=_LIMIT,
                memory=_MEMORY,
            )
        except NotFound as error:
            msg = "git cannot be run"
            raise NotFound(msg, hint="install git and put it on PATH") from error
        except TimedOut as error:
            what = f"`{redact(address.url)}`" if address else f"git {_verb(arguments)}"
            msg = f"{what} did not answer within {deadline:g} s"
            raise Unreachable(msg) from error
        except InternalError as error:
            msg = f"git {_verb(arguments)} wrote more than {_LIMIT:,} bytes"
            raise TooLarge(msg, hint=_SMALLER) from error

    def _environment(self, place: Path, address: Address | None) -> dict[str, str]:
        env = {name: self.inherit[name] for name in _INHERITED if name in self.inherit}
        config = dict(_CONFIG)
        if address is not None and address.authorization:
            # in the environment, since command lines can be read by everybody on the machine
            config[f"http.{address.url}.extraHeader"] = f"Authorization: {address.authorization}"
            config["http.followRedirects"] = "false"  # git would send the header to whatever host it is sent to
        env |= {
            "HOME": os.devnull,
            "XDG_CONFIG_HOME": os.devnull,
            "LC_ALL": "C",
            "TZ": "UTC",
            "GIT_ALLOC_LIMIT": _LARGEST,
            "GIT_ALLOW_PROTOCOL": ":".join(sorted(self.protocols)),
            "GIT_CEILING_DIRECTORIES": str(place.parent),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": str(len(config)),
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_PAGER": "cat",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=15",
            "GIT_TERMINAL_PROMPT": "0",
        }
        for index, (key, value) in enumerate(config.items()):
            env[f"GIT_CONFIG_KEY_{index}"] = key
            env[f"GIT_CONFIG_VALUE_{index}"] = value
        return env


def _verb(arguments: Sequence[str]) -> str:
    return next((argument for argument in arguments if not argument.startswith("-")), "")


def complaint(captured: Captured) -> str:
    """The line of git's messages that says what is wrong, without credentials and without timings."""
    lines = captured.stderr.decode(errors="replace").splitlines()
    wrong = [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))] or lines
    ranked = sorted(wrong, key=lambda line: not line.startswith("fatal:"))
    text = ranked[0] if ranked else f"git ended with status {captured.status}"
    return _TIMINGS.sub("", redact(text.partition(": ")[2] or text)).strip()[:300]


def remote_failure(captured: Captured, address: Address) -> WombatError:
    """Why talking to a host failed; `CorruptData` where the cause is on our side of the wire."""
    text = captured.stderr.decode(errors="replace")
    url, reason = redact(address.url), complaint(captured)
    if _EXHAUSTED.search(text):
        return TooLarge(f"git would need more memory than it may use for `{url}`", hint=_SMALLER)
    if _FULL.search(text):
        return no_room(reason, url)
    if _NO_REF.search(text):
        return NotFound(f"`{url}` does not have that branch")
    if _DENIED.search(text):
        hint = "write the address that it has now, to which no password goes unasked" if _MOVED.search(text) else ""
        return Refused(f"access to `{url}` was denied: {reason}", hint=hint or "check the URL and its credentials")
    if _AWAY.search(text):
        return Unreachable(f"`{url}` cannot be reached: {reason}")
    return CorruptData(f"git failed on `{url}`: {reason}")


def no_room(reason: str, url: str = "") -> Unreachable:
    """The disk does not take a mirror: asking again helps once there is room."""
    what = f"the mirror of `{url}`" if url else "the mirror"
    return Unreachable(f"{what} cannot be written: {reason}", hint="make room on the disk")


def local_failure(captured: Captured) -> UserError | Unreachable | CorruptData:
    """Why reading or making a repository on this machine failed."""
    reason = complaint(captured)
    text = captured.stderr.decode(errors="replace")
    if _FULL.search(text):
        return no_room(reason)
    if _EXHAUSTED.search(text):
        return TooLarge("git would need more memory than it may use for the repository", hint=_SMALLER)
    if "dubious ownership" in reason or "ermission denied" in reason:
        return Refused(f"the repository cannot be read: {reason}")
    return CorruptData(f"the repository cannot be read: {reason}")
