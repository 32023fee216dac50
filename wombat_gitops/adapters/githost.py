"""Writes commit statuses to git hosts over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

from wombat_gitops import __version__
from wombat_gitops.domain.commitstatus import make_request
from wombat_gitops.domain.errors import Refused, Unreachable, WombatError
from wombat_gitops.domain.sources import Host

if TYPE_CHECKING:
    from wombat_gitops.domain.commitstatus import CommitStatus, HostRequest, StatusTarget

_SECONDS: Final = 15.0
_ANSWER: Final = 64 * 1024
_TOO_MANY: Final = 429
_SERVER: Final = 500
_BAD: Final = 400


class HttpStatusWriter:
    """`ports.StatusWriter` over HTTP; follows no redirect, so that a token stays where it belongs."""

    def __init__(self, *, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._opener = urllib.request.build_opener(
            _Stay(), urllib.request.HTTPSHandler(context=ssl.create_default_context())
        )

    async def write(self, target: StatusTarget, status: CommitStatus) -> None:
        """See `ports.StatusWriter.write`."""
        asked = make_request(target, status)
        try:
            async with asyncio.timeout(2 * self._seconds):
                await asyncio.to_thread(self._post, target, asked)
        except TimeoutError as error:
            msg = f"`{target.api}` did not answer within {2 * self._seconds:g} s"
            raise Unreachable(msg) from error

    def _post(self, target: StatusTarget, asked: HostRequest) -> None:
        headers = {**asked.headers, "Content-Type": "application/json", "User-Agent": f"wombat-gitops/{__version__}"}
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked when the settings were read
            asked.url, json.dumps(asked.body).encode(), headers, method="POST"
        )
        try:
            with self._opener.open(request, timeout=self._seconds) as answer:
                answer.read(_ANSWER)
        except urllib.error.HTTPError as error:
            with error:
                failure = _failure(target, error)
            if failure is not None:
                raise failure from None  # the chain would show the request's headers to a debugger
        except (OSError, http.client.HTTPException, ValueError) as error:
            msg = f"`{target.api}` cannot be reached: {type(getattr(error, 'reason', error)).__name__}"
            raise Unreachable(msg) from None


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _failure(target: StatusTarget, error: urllib.error.HTTPError) -> WombatError | None:
    """What an error of the host means; None where the status stands there already."""
    try:
        said = error.read(_ANSWER).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        said = ""
    if target.host is Host.GITLAB and error.code == _BAD and "Cannot transition status" in said:
        return None
    words = " ".join(said.split())[:200]
    token = next((value for value in (target.token(),) if value), "")
    msg = f"`{target.api}` answered {error.code}: {words.replace(token, '…') if token else words}"
    if error.code >= _SERVER or error.code == _TOO_MANY or error.headers.get("Retry-After"):
        return Unreachable(msg)
    return Refused(msg, hint="may the token write commit statuses of this repository?")
