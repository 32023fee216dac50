"""Errors as the micro service puts them on the wire, and back: one table for both ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wombat_gitops.domain import messages
from wombat_gitops.domain.errors import (
    CorruptData,
    DoesNotFit,
    IllegalTransition,
    InternalError,
    InvalidManifests,
    LockError,
    NotFound,
    RecordRemoved,
    Refused,
    TransientError,
    Unreachable,
    UserError,
    WombatError,
)
from wombat_gitops.domain.messages import ErrorBody

if TYPE_CHECKING:
    from collections.abc import Mapping

CODE_HEADER: Final = "Nats-Service-Error-Code"
TEXT_HEADER: Final = "Nats-Service-Error"
INTERNAL: Final = ErrorBody("internal", "the service failed; its log says why")

_STATUS: Final[tuple[tuple[type[WombatError], int, str], ...]] = (
    (RecordRemoved, 404, "record-removed"),
    (NotFound, 404, "not-found"),
    (DoesNotFit, 413, "too-large"),
    (Refused, 422, "refused"),
    (InvalidManifests, 422, "invalid-manifests"),
    (LockError, 422, "lock-error"),
    (UserError, 422, "refused"),
    (TransientError, 503, "unavailable"),
    (IllegalTransition, 409, "conflict"),
    (CorruptData, 500, "corrupt-data"),
)
_ERRORS: Final[dict[str, type[WombatError]]] = {
    "not-found": NotFound,
    "record-removed": RecordRemoved,
    "bad-request": Refused,
    "refused": Refused,
    "conflict": Refused,
    "too-large": DoesNotFit,
    "invalid-manifests": Refused,
    "lock-error": LockError,
    "unavailable": Unreachable,
    "corrupt-data": CorruptData,
}


def to_wire(error: WombatError) -> tuple[int, ErrorBody]:
    """Status and body for an error; internal ones keep their text to themselves."""
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            return status, ErrorBody(code, error.message, error.hint)
    return 500, INTERNAL


def from_wire(headers: Mapping[str, str], data: bytes) -> WombatError | None:
    """The error that an answer stands for, or None where it is a good one."""
    status = headers.get(CODE_HEADER)
    if status is None:
        return None
    try:
        body = messages.decode(ErrorBody, data)
    except CorruptData:
        body = ErrorBody("unavailable" if status == "503" else "internal", headers.get(TEXT_HEADER, "no reason given"))
    return _ERRORS.get(body.code, InternalError)(body.detail, hint=body.hint)
