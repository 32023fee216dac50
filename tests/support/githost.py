"""A git host's status API over real HTTP, which behaves as GitHub, GitLab and Gitea do."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "token-0123456789"  # noqa: S105 - of no host


@dataclass
class GitHost:
    """What the host has got, and how it answers next.

    Attributes:
        posts: path, headers and body of every request.
        statuses: what stands at each commit and context: the newest state and description.
        answers: statuses that the next requests are answered with instead.
        location: where a redirect leads.
    """

    address: str = ""
    posts: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    statuses: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)
    location: str = ""

    def take(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer one request."""
        self.posts.append((path, headers, body))
        if self.answers:
            return self.answers.pop(0), {"message": f"not now, {headers.get('authorization', '')}"}
        given = (headers.get("authorization") or headers.get("private-token") or "").split(" ")[-1]
        if given != TOKEN:
            return 401, {"message": "Bad credentials"}
        parts = path.split("/")
        gitlab = "projects" in parts
        states = {"pending", "running", "success", "failed", "canceled"} if gitlab else set(GITHUB_STATES)
        context = body.get("name" if gitlab else "context", "default")
        if body.get("state") not in states:
            return 422, {"message": "Validation Failed"}
        if len(body.get("description", "")) > 140:
            return 422, {"message": "description is too long (maximum is 140 characters)"}
        commit = parts[-1]
        if gitlab and self.statuses.get((commit, context), ("",))[0] == body["state"]:
            return 400, {"message": f"Cannot transition status via :enqueue from :{body['state']}"}
        self.statuses[commit, context] = body["state"], body.get("description", "")
        return 201, {"id": len(self.posts), "state": body["state"]}

    def standing(self, commit: str, context: str = "wombat") -> tuple[str, str]:
        return self.statuses.get((commit, context), ("", ""))

    def repository(self) -> str:
        """The repository that the last request named."""
        path = self.posts[-1][0]
        return unquote(
            path.partition("/projects/" if "/projects/" in path else "/repos/")[2].rpartition("/statuses")[0]
        )


GITHUB_STATES = ("error", "failure", "pending", "success", "warning")


@contextmanager
def git_host() -> Iterator[GitHost]:
    """A host on a free port."""
    host = GitHost()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = host.take(self.path, headers, json.loads(data))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", host.location)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_GET = do_POST  # noqa: N815 - the library's word

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
