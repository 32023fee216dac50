"""The one comment of a pull request on GitHub, found again by its first line and its author."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wombat_gitops import __version__
from wombat_gitops.domain.errors import NotFound, Refused, Unreachable
from wombat_gitops.domain.report import MARKER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECONDS: Final = 30.0
_ANSWER: Final = 8_000_000
_PAGE: Final = 100
_MOST_PAGES: Final = 30
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SCHEME: Final = re.compile(r"https?://[^\s?#]+")
_BOT: Final = "Bot"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One pull request, and the id of its newest commit."""

    number: int
    commit: str


class GithubPullRequests:
    """GitHub's REST API as far as one comment needs it.

    Args:
        api: address of the API, as the workflow is told it.
        repository: `owner/name`.
        token: with the right to write to pull requests.
    """

    def __init__(self, api: str, repository: str, token: str) -> None:
        if _REPOSITORY.fullmatch(repository) is None or _SCHEME.fullmatch(api) is None:
            msg = f"`{repository[:80]}` at `{api[:80]}` is no repository of GitHub"
            raise Refused(msg)
        self._root = f"{api.rstrip('/')}/repos/{repository}"
        self._token = token
        self._opener = urllib.request.build_opener(_Stay())

    def find(self, event: Mapping[str, object], base: str) -> PullRequest | None:
        """The pull request that an event is about, told by GitHub and never by what the request wrote.

        None where it is closed, or has moved on to another commit: the run for that one comments.

        Args:
            base: which of several requests of one commit is meant: the one into a branch at this commit. Anybody
                may have written this, as it chooses among requests of the same author alone.

        Raises:
            Unreachable: the API does not answer.
        """
        pull = event.get("pull_request")
        if isinstance(pull, dict) and isinstance(pull.get("number"), int):
            return PullRequest(pull["number"], _sha(pull, "head"))
        run: Any = event.get("workflow_run")
        if not isinstance(run, dict):
            msg = "the event is about no pull request"
            raise NotFound(msg, hint="run it in a workflow on `pull_request`, or on `workflow_run` after one")
        commit = str(run.get("head_sha") or "")
        owner = ((run.get("head_repository") or {}).get("owner") or {}).get("login", "")
        head = urllib.parse.quote(f"{owner}:{run.get('head_branch', '')}", safe="")
        found = [each for each in self._pages(f"/pulls?state=open&head={head}") if _sha(each, "head") == commit != ""]
        found.sort(key=lambda each: _sha(each, "base") != base)
        return PullRequest(int(found[0]["number"]), commit) if found else None

    def comment(self, number: int, body: str, *, needed: bool) -> str:
        """Write the comment, over the one that is there; returns what was done.

        Args:
            needed: without it only a comment that is there is brought up to date.
        """
        mine = [
            each
            for each in self._pages(f"/issues/{number}/comments")
            if str(each.get("body", "")).startswith(MARKER) and each.get("user", {}).get("type") == _BOT
        ]
        for extra in mine[1:]:
            self._ask("DELETE", f"/issues/comments/{int(extra['id'])}")
        if mine and mine[0].get("body") == body:
            return "the comment is up to date"
        if mine:
            self._ask("PATCH", f"/issues/comments/{int(mine[0]['id'])}", {"body": body})
            return "comment updated"
        if not needed:
            return "nothing to comment on"
        self._ask("POST", f"/issues/{number}/comments", {"body": body})
        return "comment written"

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        joint = "&" if "?" in path else "?"
        for page in range(1, _MOST_PAGES + 1):
            items = self._ask("GET", f"{path}{joint}per_page={_PAGE}&page={page}")
            if not isinstance(items, list):
                return
            yield from (item for item in items if isinstance(item, dict))
            if len(items) < _PAGE:
                return

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> object:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            f"{self._root}{path}",
            json.dumps(body).encode() if body is not None else None,
            {
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                "User-Agent": f"wombat-gitops/{__version__}",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            method=method,
        )
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                data = answer.read(_ANSWER)
            return json.loads(data) if data else None
        except urllib.error.HTTPError as error:
            with error:
                failure = _failure(error, method, path)
            raise failure from None  # the chain would show the token to a debugger
        except (OSError, ValueError) as error:
            msg = f"the API of GitHub does not answer {method} {path.partition('?')[0]}"
            raise Unreachable(msg) from error


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow nothing, so that the token stays where it belongs."""


def _sha(pull: Mapping[str, Any], side: str) -> str:
    """The commit of a side of a pull request, or ""; of nothing else than hexadecimal digits."""
    value = (pull.get(side) or {}).get("sha")
    return value if isinstance(value, str) and _COMMIT.fullmatch(value) else ""


def _failure(error: urllib.error.HTTPError, method: str, path: str) -> Refused | Unreachable | NotFound:
    status, words = error.code, f"GitHub answers {error.code} to {method} {path.partition('?')[0]}"
    if error.headers.get("Retry-After") or error.headers.get("X-RateLimit-Remaining") == "0":
        return Unreachable(f"{words}: too many requests", hint="run the job again later")
    if status in {401, 403}:
        hint = "give the job `pull-requests: write`; runs of pull requests from forks never have it"
        return Refused(words, hint=hint)
    if status == 404:  # noqa: PLR2004
        return NotFound(words)
    return Unreachable(words) if status >= 500 or status == 429 else Refused(words)  # noqa: PLR2004
