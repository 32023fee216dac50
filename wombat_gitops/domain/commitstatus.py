"""What is written back to a git host about a commit, and the forms in which each host takes it.

GitHub: "Create a commit status"; GitLab: "Set commit pipeline status"; Gitea and Forgejo: "Create a commit
status" in their API descriptions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from wombat_gitops.domain.sources import Host

LONGEST_DESCRIPTION: Final = 140
"""Characters of a description that GitHub takes."""


class CommitState(StrEnum):
    """How the builds of a commit stand."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """What is said about one commit; `url` is where to read more, or "".

    Also the value of `status.<source>` in `leases`: what was written last.
    """

    revision: str
    state: CommitState
    description: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class StatusTarget:
    """Where the statuses of one source go.

    Attributes:
        source: its id.
        api: address of the host's API, without a slash at its end; the token is sent nowhere else.
        repository: path of the repository on the host, `owner/name`.
        context: name under which statuses appear.
        token: reads the token.
    """

    source: str
    host: Host
    api: str
    repository: str
    context: str
    token: Callable[[], str]


@dataclass(frozen=True, slots=True)
class HostRequest:
    """A POST of JSON."""

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, str]


def make_request(target: StatusTarget, status: CommitStatus) -> HostRequest:
    """How the target's host wants to be told."""
    token, body = target.token(), {"description": status.description}
    if status.url:
        body["target_url"] = status.url
    if target.host is Host.GITLAB:
        project = quote(target.repository, safe="")
        state = "failed" if status.state is CommitState.FAILURE else status.state.value
        return HostRequest(
            f"{target.api}/projects/{project}/statuses/{status.revision}",
            {"PRIVATE-TOKEN": token},
            {**body, "state": state, "name": target.context},
        )
    scheme = "Bearer" if target.host is Host.GITHUB else "token"
    headers = {"Authorization": f"{scheme} {token}"}
    if target.host is Host.GITHUB:
        headers |= {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    return HostRequest(
        f"{target.api}/repos/{quote(target.repository)}/statuses/{status.revision}",
        headers,
        {**body, "state": status.state.value, "context": target.context},
    )
