"""Every error this package raises on purpose.

    WombatError
    ├── UserError           a person has to change something; asking again does not help
    │   ├── NotFound            what was named does not exist
    │   │   └── UnusableSource      the branch or the folder of a source is missing, or is something else
    │   ├── Refused             understood, and not allowed
    │   │   ├── Unverified          a commit is not signed as its source demands
    │   │   ├── HistoryCut          a shallow repository lacks a part of the history that is needed
    │   │   ├── TooLarge            more than is read of one source
    │   │   ├── DoesNotFit          larger than a message of the broker may be
    │   │   └── Denied              the broker does not let this user in, or not do that
    │   ├── InvalidManifests    one or more manifests are wrong (carries diagnostics)
    │   │   └── InvalidSources      the list of sources is wrong
    │   ├── LockError           the lock is missing, stale, or cannot be made
    │   │   └── Conflict            a module requires a newer version of another than was asked for
    │   ├── OverLimit           a program took more of the machine than it may
    │   └── BuildFailed         a build ended, and not well
    ├── TransientError      asking again may work
    │   ├── Unreachable         broker, service, git host or module proxy does not answer
    │   │   ├── StoreFull           the broker takes no more: a stream has reached its limit
    │   │   └── NobodyAnswers       the broker answers, and nobody listens on a subject
    │   ├── TimedOut            a deadline passed while waiting
    │   └── DiskFailed          this machine's own disk is full or broken
    └── InternalError       a defect of ours, or data that broke in our keeping
        ├── IllegalTransition   a build cannot go from this state to that one
        └── CorruptData         stored bytes do not match their digest or their schema

The class decides what happens next (exit code, problem document, retry), never the text. Messages
are lower case without a full stop, with values in backticks; the hint says what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.domain.diagnostics import Diagnostic


class WombatError(Exception):
    """Something this package stops for.

    Args:
        message: what happened, and where.
        hint: what to do about it, or "" where the message says it all.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UserError(WombatError):
    """A person has to change something."""


class NotFound(UserError):
    """What was named does not exist."""


class RecordRemoved(NotFound):
    """The record of a build could not be read, and was removed because somebody asked for that."""


class Withdrawn(NotFound):
    """It is there, and must not be downloaded any more; the message says why."""


class UnusableSource(NotFound):
    """The branch or the folder of a source is missing, or is something else.

    Args:
        reason: CamelCase word of a fixed list: a `SourceProblem`.
        revision: the commit that was looked at, or "" where there is none.
    """

    def __init__(self, message: str, *, reason: str, revision: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.revision = revision


class Refused(UserError):
    """The request was understood and is not allowed."""


class Unverified(Refused):
    """A commit that does not carry the signature its source demands.

    Args:
        reason: `NotSigned`, `BadSignature`, `UnknownKey`, `KeyExpired`, `KeyRevoked` or `WrongKind`.
        revision: the commit.
    """

    def __init__(self, message: str, *, reason: str, revision: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.revision = revision


class HistoryCut(Refused):
    """A shallow repository lacks a part of the history that is needed."""


class TooLarge(Refused):
    """There is more than is read of one source; nothing of it is used."""


class DoesNotFit(Refused):
    """A message is larger than the broker takes (`max_payload`), and cannot be sent in parts."""


class Denied(Refused):
    """The broker does not let this user in, or does not let it do that; an operator has to change something."""


class InvalidManifests(UserError):
    """Manifests that cannot be used; every diagnostic of all of them."""

    def __init__(self, diagnostics: Sequence[Diagnostic], where: str = "the manifests") -> None:
        count = len(diagnostics)
        super().__init__(f"{count} problem{'' if count == 1 else 's'} in {where}")
        self.diagnostics = tuple(diagnostics)


class InvalidSources(InvalidManifests):
    """A list of sources that cannot be used; nothing was started."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(diagnostics, "the list of sources")


class LockError(UserError):
    """A lock that is missing, stale, or cannot be made."""


class Conflict(LockError):
    """Versions that do not go together.

    Args:
        module: path of the module that was asked for at a version that is too old.
        required: the version of it that is required.
        by: what requires it, `path@version`, or "" where that is not known.
    """

    def __init__(self, message: str, *, module: str, required: str, by: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.module = module
        self.required = required
        self.by = by


class OverLimit(UserError):
    """A program took more of the machine than it may; it and everything it started was ended.

    Args:
        reason: `OutOfMemory`, `ProcessLimit`, `OutputLimit`, `LogLimit` or `SilentTimeout`.
    """

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class BuildFailed(UserError):
    """A build ended, and not well."""


class TransientError(WombatError):
    """Asking again may work."""


class Unreachable(TransientError):
    """Broker, service, git host or module proxy does not answer."""


class StoreFull(Unreachable):
    """A stream of the broker has reached its limit; it takes more once something was removed, or the limit raised."""


class NobodyAnswers(Unreachable):
    """The broker answers, and nobody listens on the subject that was asked."""


class TimedOut(TransientError):
    """A deadline passed while waiting."""


class DiskFailed(TransientError):
    """This machine's own disk is full or broken."""


class InternalError(WombatError):
    """A defect of ours, or data that broke in our keeping."""


class IllegalTransition(InternalError):
    """A build cannot go from this state to that one."""


class SandboxFailed(InternalError):
    """A sandbox could not be made; what it was for was not started."""


class CorruptData(InternalError):
    """Stored bytes do not match their digest or their schema."""


class CorruptEntry(CorruptData):
    """A store has bytes under a key that are no value; `Store.discard` removes exactly these.

    Args:
        revision: the one at which they were written.
    """

    def __init__(self, message: str, *, key: str, revision: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.key = key
        self.revision = revision
