"""What go commands say, in our words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wombat_gitops.domain import gofailure
from wombat_gitops.domain.errors import LockError, Unreachable
from wombat_gitops.domain.records import FailureKind

if TYPE_CHECKING:
    from wombat_gitops.domain.records import Failure


def translated(failure: Failure) -> LockError | Unreachable:
    """The error of a failure outside of a build."""
    culprit = "" if not failure.culprit or failure.culprit in failure.message else f" (`{failure.culprit}`)"
    if failure.reason == gofailure.UNKNOWN:
        return LockError(failure.message, hint="`wombat -v` shows everything that Go prints")
    if failure.kind is FailureKind.TRANSIENT:
        return Unreachable(f"{failure.message}{culprit}", hint=failure.hint)
    return LockError(f"{failure.message}{culprit}", hint=failure.hint)


def json_values(text: str) -> list[dict[str, Any]]:
    """The objects that stand one after the other in *text*, up to what is none."""
    decoder, values, position = json.JSONDecoder(), list[dict[str, Any]](), 0
    while (position := _skip_space(text, position)) < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except ValueError:
            break
        if isinstance(value, dict):
            values.append(value)
    return values


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position
