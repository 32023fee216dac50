"""Exit codes by kind of error, and the one place that tells people about errors.

0 ok · 1 failed · 2 usage · 3 invalid manifest · 4 not found · 5 cannot reach · 6 refused
7 timed out · 10 changes pending (`plan --detailed-exitcode`) · 130 Ctrl-C
"""

from __future__ import annotations

import sys
import traceback
from typing import Final

from wombat_gitops.cli import text
from wombat_gitops.domain import errors

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INVALID: Final = 3
NOT_FOUND: Final = 4
UNREACHABLE: Final = 5
REFUSED: Final = 6
TIMED_OUT: Final = 7
CHANGES: Final = 10
INTERRUPTED: Final = 130

_CODES: Final[dict[type[errors.WombatError], int]] = {
    errors.InvalidManifests: INVALID,
    errors.NotFound: NOT_FOUND,
    errors.Refused: REFUSED,
    errors.Unreachable: UNREACHABLE,
    errors.TimedOut: TIMED_OUT,
    errors.WombatError: FAILED,
}


def exit_code(error: errors.WombatError) -> int:
    """The exit code of an error's nearest class in the table."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)


def report(error: BaseException, *, verbose: bool) -> int:
    """Tell on standard error what happened and return the exit code.

    Args:
        verbose: show where in the program it happened.
    """
    cause = _first(error)
    if isinstance(cause, KeyboardInterrupt):
        return INTERRUPTED
    if verbose:
        text.note("".join(traceback.format_exception(error)).rstrip("\n"), always=True)
    if isinstance(cause, errors.WombatError):
        if isinstance(cause, errors.InvalidManifests):
            from wombat_gitops.domain.manifest.render import render_text

            text.note(text.accented(render_text(cause.diagnostics), sys.stderr), always=True)
        text.error(cause.message, cause.hint)
        return exit_code(cause)
    words = " ".join(str(cause).split())
    hint = "" if verbose else "`wombat -v …` shows where it happened"
    text.error(f"unexpected {type(cause).__name__}{': ' if words else ''}{words[:300]}", hint)
    return FAILED


def _first(error: BaseException) -> BaseException:
    """The error that says most: of a group, one of ours before a stranger."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [_first(inner) for inner in error.exceptions]
    ours = [leaf for leaf in leaves if isinstance(leaf, errors.WombatError)]
    return (ours or leaves)[0]
