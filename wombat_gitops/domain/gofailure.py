"""From what a failed go command printed to a `Failure`: who is guilty, who can mend it, what to do.

Rules are tried in order and the first one that matches anywhere in the output wins; those that speak
of the network hold only for a step that has one, because a compiler may print anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.records import Failure, FailureKind, Step

if TYPE_CHECKING:
    from wombat_gitops.domain.errors import OverLimit

TAIL_LINES: Final = 20
_MESSAGE_LIMIT: Final = 500

_USER = FailureKind.USER
_TRANSIENT = FailureKind.TRANSIENT
_INTERNAL = FailureKind.INTERNAL

_RELOCK: Final = "run `wombat lock` and commit the result"


@dataclass(frozen=True, slots=True)
class _Rule:
    """Group `culprit` of the expression is the guilty module or package, group `message` the message."""

    reason: str
    kind: FailureKind
    pattern: re.Pattern[str]
    hint: str = ""
    network: bool = False


def _rule(reason: str, kind: FailureKind, pattern: str, hint: str = "", *, network: bool = False) -> _Rule:
    return _Rule(reason, kind, re.compile(pattern, re.MULTILINE), hint, network)


_INSTALL: Final = "install the C library, with its header files, on the builder, or leave out the package that needs it"

_REINSTALL: Final = "install Go anew on the builder, and look after its disk and its memory"

BROKEN: Final = "ToolchainBroken"
"""The reason of a failure that the builder's own toolchain is to blame for."""

UNKNOWN: Final = "Unknown"
"""The reason of a failure that no rule knows."""

NO_SPACE: Final = "DiskFull"
"""The reason of a failure for want of space on the builder's disk."""

_LOCATION: Final = r"(?:\S+\.(?:go|s|mod):\d+(?::\d+)?: )?"

_SUMDB: Final = r"(?P<culprit>[^\s\"]+@[^\s/:]+)(?:/go\.mod)?: (?:initializing sumdb\.Client|[^\n]*/(?:lookup|tile)/)"
"""How Go begins what it says of a request to the checksum database."""

_RULES: Final = (
    _rule(
        "OutputLimit",
        _USER,
        r"file too large|file size limit exceeded|SIGXFSZ",
        "leave packages out, or allow more (WOMBAT_OUTPUT)",
    ),
    _rule(NO_SPACE, _INTERNAL, r"no space left on device|disk quota exceeded", "free space in the data folder"),
    _rule(
        "OutOfMemory",
        _INTERNAL,
        r"signal: killed|cannot allocate memory|fatal error: (?:runtime: )?out of memory",
        "give the builder more memory, or fewer workers",
    ),
    _rule(
        BROKEN,
        _INTERNAL,
        r"^(?:go: no such tool |go: error obtaining buildID for go tool |"
        r"(?:[^\s:]+: )?\S*/pkg/tool/\S+: signal: |(?:\S+: )*fork/exec \S+/pkg/tool/\S+: )|"
        r": (?:input/output error|read-only file system)$",
        _REINSTALL,
    ),
    _rule(
        BROKEN,
        _INTERNAL,
        r"package (?P<culprit>(?:bytes|context|errors|fmt|io|math|net|os|reflect|runtime|sort|strings|sync|syscall|"
        r"time|unsafe|internal/\S+)) is not in std \(",
        _REINSTALL,
    ),
    _rule(
        "ChecksumMismatch",
        _USER,
        r"(?:verifying )?(?P<culprit>\S+@[^\s/:]+)(?:/go\.mod)?: (?:verifying (?:module|go\.mod): )?checksum mismatch",
        "the module is not what it was when the lock was made: ask its owner, and do not make a new lock blindly",
    ),
    _rule("ChecksumMismatch", _USER, r"SECURITY ERROR", "find out why a module has changed before making a new lock"),
    _rule(
        "ChecksumMissing",
        _USER,
        r"(?P<culprit>\S+@[^\s/:]+)\S*: verifying (?:module|go\.mod): checksum database disabled",
        "switch the checksum database on (GOSUMDB)",
    ),
    _rule(
        "LockIncomplete",
        _USER,
        r"missing go\.sum entry for (?:module providing package (?P<culprit>\S+)|go\.mod file)",
        _RELOCK,
    ),
    _rule("LockIncomplete", _USER, r"missing go\.sum entry|updates to go\.(?:mod|sum) needed", _RELOCK),
    _rule(
        "AmbiguousImport",
        _USER,
        r"ambiguous import: found package (?P<culprit>\S+) in multiple modules(?::(?:\s*\n\t\S+ v\S+[^\n]*)+)?",
        "require only one of the modules, or versions in which only one has the package",
    ),
    _rule(
        "ToolchainTooOld",
        _USER,
        r"^(?:go: )?(?:(?P<culprit>\S+@[^\s:]+):? )?[^\n]*requires go >= \S+ \(running go [^)]*\)",
        "name a newer release under `go` in the manifest",
    ),
    _rule(
        "VersionConflict",
        _USER,
        r"(?P<culprit>\S+@\S+) requires \S+@\S+, not \S+",
        "take the version that is required, or an older one of the module that requires it",
    ),
    _rule(
        "ModulePathMismatch",
        _USER,
        r"(?P<culprit>\S+@[^\s:]+): parsing go\.mod:\s+module declares its path as: \S+\s+but was required as: \S+",
        "require the module under the path that it declares",
    ),
    _rule(
        "PackageMissing",
        _USER,
        r"module \S+ (?:found|provides)[^\n]*, but does not contain package (?P<culprit>\S+)",
        "the module has no such package at this version: correct the name or the version",
    ),
    _rule(
        "PackageMissing",
        _USER,
        r"no required module provides package (?P<culprit>[^\s;:]+)",
        f"correct the package or name its module; then {_RELOCK}",
    ),
    _rule("PackageMissing", _USER, r"package (?P<culprit>\S+) is not in std", "correct the name of the package"),
    _rule(
        "PackageMissing",
        _USER,
        r"(?:cannot find (?:module providing )?package|no Go files in) \"?(?P<culprit>[^\s\":;]+)",
        "correct the name of the package",
    ),
    _rule(
        "BuildConstraints",
        _USER,
        r"(?:package|imports|\S+:) ?(?P<culprit>[^\s:]+): build constraints exclude all Go files",
        "the package does not exist on this platform, or needs a tag or cgo: leave one of them out",
    ),
    _rule(
        "BuildConstraints",
        _USER,
        r"build constraints exclude all Go files in \S*?(?P<culprit>(?:[a-z0-9-]+\.)+[a-z]+/\S+)",
        "the package does not exist on this platform, or needs a tag or cgo: leave one of them out",
    ),
    _rule(
        "BadModuleFile",
        _USER,
        r"errors parsing go\.mod:\n(?:\S+:\d+(?::\d+)?: )?(?P<message>[^\n]+)",
        "correct the module or its version",
    ),
    _rule("ImportCycle", _USER, r"(?:imports (?P<culprit>\S+): )?import cycle not allowed", "report it to its owner"),
    _rule(
        "ChecksumUnavailable",
        _USER,
        rf"{_SUMDB}[^\n]*: (?:404 [A-Z][a-z]+|410 Gone)",
        "the checksum database does not have this module: for a private module, name it in GONOSUMDB, or in GOPRIVATE "
        "which also bypasses the proxy",
        network=True,
    ),
    _rule(
        "ChecksumUnavailable",
        _USER,
        rf"{_SUMDB}[^\n]*: (?:403 Forbidden|401 Unauthorized|[^\n]*(?:x509:|malformed|unknown key))",
        "the checksum database refused the request: let GOSUMDB name a database that this machine may use; for a "
        "private module, set GONOSUMDB",
        network=True,
    ),
    _rule(
        "ChecksumUnavailable",
        _TRANSIENT,
        rf"{_SUMDB}[^\n]*",
        "the checksum database was not reached: let GOSUMDB name one that this machine can reach; for a private "
        "module, set GONOSUMDB",
        network=True,
    ),
    _rule(
        "ModuleProxyUnavailable",
        _TRANSIENT,
        r"^(?:go: )?(?:(?P<culprit>\S+@[^\s:]+): )?[^\n]*: (?:429 Too Many Requests|5\d\d [A-Z][A-Za-z ]+)",
        "the module proxy answered with an error of its own, or refused for now: try again later, or let GOPROXY name "
        "another proxy",
        network=True,
    ),
    _rule(
        "NetworkError",
        _TRANSIENT,
        r"^(?:go: )?(?:(?P<culprit>\S+@[^\s:]+): )?[^\n]*(?:dial (?:tcp|udp)|i/o timeout|connection (?:refused|reset)|"
        r"no such host|TLS handshake timeout|proxyconnect|context deadline exceeded|network is unreachable|"
        r"too many open files|unexpected EOF$|"
        r"Temporary failure in name resolution|Get \"[^\"]*\": (?:unexpected )?EOF)",
        "check that this machine reaches the address in the message; GOPROXY names the module proxy",
        network=True,
    ),
    _rule(
        "NetworkError",
        _USER,
        r"(?P<culprit>\S+@[^\s:]+): [^\n]*x509:",
        "this machine does not trust the certificate: set SSL_CERT_FILE to the authority's, or correct GOPROXY",
        network=True,
    ),
    _rule(
        "NetworkError",
        _USER,
        r"(?P<culprit>\S+@[^\s:]+): [^\n]*401 Unauthorized",
        "the module proxy wants credentials: write them into the address in GOPROXY",
        network=True,
    ),
    _rule(
        "NetworkError",
        _USER,
        r"(?P<culprit>\S+@[^\s:]+): [^\n]*(?:terminal prompts disabled|GOVCS disallows)",
        "modules are fetched from a proxy only: let GOPROXY name one that has this module",
        network=True,
    ),
    _rule(
        "ModuleMissing",
        _USER,
        r"(?P<culprit>\S+@[^\s:]+): [^\n]*403 Forbidden",
        "the module proxy refused it: take another version, or let GOPROXY name a proxy that serves it",
        network=True,
    ),
    _rule(
        "ModuleMissing",
        _USER,
        r"(?P<culprit>\S+@[^\s:]+): [^\n]*(?:404 [A-Z][a-z]+|410 Gone)",
        "the module proxy does not have it: correct the module or its version; for a private module, let GOPROXY name "
        "a proxy that has it",
        network=True,
    ),
    _rule(
        "ModuleMissing",
        _USER,
        r"(?P<culprit>\S+@[^\s:]+): [^\n]*(?:not found|unknown revision|invalid version|"
        r"no matching versions|is not available|no such file or directory|file does not exist)",
        "correct the module or its version",
        network=True,
    ),
    _rule(
        "ModulesNotFetched",
        _USER,
        r"^(?:go: )?(?:(?P<culprit>\S+@[^\s:]+): )?[^\n]*module lookup disabled by GOPROXY=off",
        "GOPROXY=off forbids downloads, and the module is not in the cache: let GOPROXY name a module proxy",
        network=True,
    ),
    _rule(
        "ModulesNotFetched",
        _TRANSIENT,
        r"^(?:go: )?(?:(?P<culprit>\S+@[^\s:]+): )?[^\n]*"
        r"(?:module lookup disabled by GOPROXY=off|"
        r"mkdir \S+/cache/download/\S+: (?:read-only file system|permission denied))",
        "the module cache was emptied during the build; it is tried again",
    ),
    _rule(
        "CLibraryMissing",
        _USER,
        r"^# (?P<culprit>\S+)\n(?:# \[pkg-config[^\n]*\n)?"
        r"(?P<message>[^\n]+: fatal error: [^\n]+: No such file or directory|"
        r"Package \S+ was not found in the pkg-config search path|"
        r"[^\n]*\"pkg-config\": executable file not found[^\n]*)",
        _INSTALL,
    ),
    _rule("CLibraryMissing", _USER, r"^(?P<message>\S*\bld: cannot find -l[^\n]+)", _INSTALL),
    _rule(
        "LinkError",
        _USER,
        r"^# (?P<culprit>\S+)\n(?P<message>(?:[^\s:]*/)?(?:link|loadelf|loadmacho|loadpe)[^\n]*:[^\n]+)",
        "two modules do not fit together, or one relies on parts of Go that it must not use",
    ),
    _rule(
        # Nobody but the machine can change the standard library; what has no dot in its first element is a part of it.
        BROKEN,
        _INTERNAL,
        r"^# (?P<culprit>(?!distribution\b|command-line-arguments\b)[a-z0-9]+(?:/[a-z0-9]+)*)"
        r"(?: \[[^\]]*\])?\n(?P<message>[^\n]+)",
        _REINSTALL,
    ),
    _rule(
        "CompileError",
        _USER,
        r"^# (?P<culprit>\S+)(?: \[[^\]]*\])?\n(?P<message>[^\n]+)",
        "the module does not compile with these versions: choose another version of it or of what it needs",
    ),
    _rule(
        "CompileError",
        _USER,
        r"^(?P<message>\S*?(?P<culprit>(?:[a-z0-9-]+\.)+[a-z]+/\S+)/[^\s/]+\.(?:go|s):\d+(?::\d+)?: [^\n]+)",
        "the module does not compile: choose another version of it",
    ),
)

_IN_CACHE: Final = re.compile(r" \(/[^)\s]*\)")
"""Where Go found a module on this machine, which tells nobody anything."""

_CACHE_PREFIX: Final = re.compile(r"^\S*?/((?:[a-z0-9-]+\.)+[a-z]+/\S+@v\S+)")


def classify(output: str, *, step: Step | None = None, status: int = 1) -> Failure:
    """The failure behind a go command that ended with *status*.

    Args:
        step: the step it ran in; None for a resolution.
        status: exit status, negative where a signal ended the command.
    """
    tail = tail_of(output)
    networked = step in {None, Step.FETCH}
    for rule in _RULES:
        if (networked or not rule.network) and (match := rule.pattern.search(output)):
            groups = match.groupdict()
            message = groups.get("message") or _line_of(output, match)
            return Failure(
                rule.kind, rule.reason, _short(message), step, _plain(groups.get("culprit")), rule.hint, tail
            )
    if status == -9:  # noqa: PLR2004 - SIGKILL, which is how the kernel takes memory back
        message = "the go command was killed, most likely for want of memory"
        return Failure(_INTERNAL, "OutOfMemory", message, step, "", "give the builder more memory", tail)
    kind = _TRANSIENT if networked else _INTERNAL
    message = _short(_first_line(output) or f"the go command ended with status {status} and said nothing")
    return Failure(kind, UNKNOWN, message, step, "", "the log has everything that was printed", tail)


def timed_out(output: str, step: Step, seconds: float) -> Failure:
    """The failure of a step that passed its deadline: worth another try only where the network was slow."""
    kind = _TRANSIENT if step is Step.FETCH else _USER
    message = f"the step did not finish within {seconds:g} s"
    hint = "" if step is Step.FETCH else "a package may be too large or never end; see the log"
    return Failure(kind, "TimedOut", message, step, "", hint, tail_of(output))


def over_limit(error: OverLimit, output: str, step: Step) -> Failure:
    """The failure of a step that took more of its machine than it may.

    The build is to blame and not the machine, which held out; but a wait that does not end is the network's where
    there is one.
    """
    kind = _TRANSIENT if error.reason == "SilentTimeout" and step is Step.FETCH else _USER
    return Failure(kind, error.reason, error.message, step, "", error.hint, tail_of(output))


def tail_of(output: str) -> tuple[str, ...]:
    """The last lines of an output that hold something."""
    return tuple(line.rstrip()[:_MESSAGE_LIMIT] for line in output.splitlines() if line.strip())[-TAIL_LINES:]


def _line_of(output: str, match: re.Match[str]) -> str:
    start = output.rfind("\n", 0, match.start()) + 1
    end = output.find("\n", match.end())
    text = output[start:] if end < 0 else output[start:end]
    return " ".join(text.split())


def _first_line(output: str) -> str:
    lines = (line.strip() for line in output.splitlines())
    return next((line for line in lines if line and not line.startswith(("go: downloading", "$ "))), "")


def _short(message: str) -> str:
    text = _IN_CACHE.sub("", message.strip().removeprefix("go: "))
    return _CACHE_PREFIX.sub(r"\1", text)[:_MESSAGE_LIMIT]


def _plain(culprit: str | None) -> str:
    return (culprit or "").rstrip(":;,").strip('"`')
