"""`wombat cancel` and `wombat retry`, by the service itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from wombat_gitops.cli import running, text
from wombat_gitops.cli.jobs.progress import label
from wombat_gitops.domain.errors import NotFound, RecordRemoved, UserError
from wombat_gitops.domain.messages import BuildQuery
from wombat_gitops.wiring.clients import build_client

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.ports import BuildClient
    from wombat_gitops.settings import Settings

_ID: Final = re.compile(r"[0-9a-f]{8,64}")
_FULL: Final = 64


def cancel(settings: Settings, words: str, output: text.Output) -> None:
    """Stop a build. Raises `NotFound`, or `Refused` where it has ended."""

    async def work() -> BuildRecord:
        async with build_client(settings) as builds:
            return await builds.cancel(await _identity(builds, words))

    record = running.run(work())
    _tell(record, output, "stopping" if not record.state.final else "cancelled")


def retry(settings: Settings, words: str, output: text.Output) -> None:
    """Queue an ended build again, or remove a record that cannot be read.

    Raises `NotFound`, or `Refused` where it has not ended.
    """

    async def work() -> BuildRecord:
        async with build_client(settings) as builds:
            return await builds.retry(await _identity(builds, words))

    try:
        record = running.run(work())
    except RecordRemoved as removed:
        message = f"{removed.message}; {removed.hint}"
        text.emit({"id": words, "state": "removed", "message": message}, output, lambda: message)
    else:
        _tell(record, output, "queued again")


async def _identity(builds: BuildClient, words: str) -> str:
    """The id that *words* is, or begins."""

    async def listed() -> list[str]:
        found, cursor = list[str](), ""
        while True:
            page = await builds.list(BuildQuery(limit=200, cursor=cursor))
            found += [record.id for record in page.items]
            cursor = page.next
            if not cursor:
                return found

    return await whole_id(words, listed)


async def whole_id(words: str, ids: Callable[[], Awaitable[Iterable[str]]]) -> str:
    """The id that *words* is, or begins.

    Args:
        ids: gets all there are; not asked where *words* is a whole id.

    Raises:
        UserError: it is no id, or several begin with it.
        NotFound: none begins with it.
    """
    if not _ID.fullmatch(words):
        msg = f"`{words}` is not the id of a build"
        raise UserError(msg, hint="give the whole id or at least its first 8 digits; `wombat list builds` shows them")
    if len(words) == _FULL:
        return words
    found = {each for each in await ids() if each.startswith(words)}
    if len(found) > 1:
        msg = f"several builds begin with `{words}`"
        raise UserError(msg, hint="give more digits of the id")
    if not found:
        msg = f"there is no build `{words}`"
        raise NotFound(msg, hint="`wombat list builds` shows the builds there are")
    return found.pop()


def _tell(record: BuildRecord, output: text.Output, word: str) -> None:
    data = {
        "id": record.id,
        "name": record.spec.name,
        "version": record.spec.version,
        "platform": str(record.spec.platform),
        "state": record.state.value,
        "cancel_requested": record.cancel_requested,
    }
    text.emit(data, output, lambda: f"{record.id[:12]}  {label(record)}  {word}")
