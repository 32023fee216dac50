"""A git host over HTTP, by git's own `http-backend`, that can be told to be in trouble."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PAGE = b"<html>\n<body>\nplease log in to the network\n</body>\n</html>\n"


@dataclass
class GitHttp:
    """Repositories below a folder.

    Attributes:
        trouble: "" where all is well; a status such as "500"; "hang": accepts and says nothing; "slow": a byte now and
            then; "half": breaks off in the middle of an answer; "garbage": something else than git.
        requests: how many were answered, in whatever way.
    """

    folder: Path
    address: str = ""
    trouble: str = ""
    requests: int = 0
    well: threading.Event = field(default_factory=threading.Event)

    def url(self, name: str) -> str:
        return f"{self.address}/{name}"

    @contextmanager
    def troubled(self, trouble: str) -> Iterator[None]:
        """Be in trouble for as long as the context lasts; who hangs is let go afterwards."""
        self.trouble, self.well = trouble, threading.Event()
        try:
            yield
        finally:
            self.trouble = ""
            self.well.set()


def _answer(handler: BaseHTTPRequestHandler, folder: Path) -> bytes:
    """What git answers, with its own head."""
    path, _, query = handler.path.partition("?")
    env = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(folder),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
        "REQUEST_METHOD": handler.command,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""),
        "REMOTE_ADDR": "127.0.0.1",
    }
    body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    done = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, check=True, timeout=60)
    head, _, data = done.stdout.partition(b"\r\n\r\n")
    status = next((line[8:] for line in head.split(b"\r\n") if line.startswith(b"Status: ")), b"200 OK")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Status: ")]
    length = b"Content-Length: %d" % len(data)
    return b"\r\n".join([b"HTTP/1.1 " + status, *lines, length, b"Connection: close", b"", data])


def _troubled(trouble: str, answer: Callable[[], bytes]) -> bytes:
    """What is sent at once."""
    match trouble:
        case "":
            return answer()
        case "half":
            whole = answer()
            return whole[: len(whole) // 2]
        case "garbage":
            return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(_PAGE) + _PAGE
        case status:
            return f"HTTP/1.1 {status} Trouble\r\nContent-Length: 0\r\n\r\n".encode()


@contextmanager
def git_http(folder: Path) -> Iterator[GitHttp]:
    """A host on a free port; requests that hang are ended with it."""
    host = GitHttp(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.requests += 1
            if host.trouble == "hang":
                host.well.wait()
            elif host.trouble == "slow":
                self._drip(_answer(self, host.folder))
            else:
                self.wfile.write(_troubled(host.trouble, lambda: _answer(self, host.folder)))
            self.close_connection = True

        do_POST = do_GET  # noqa: N815 - the library's word

        def _drip(self, data: bytes) -> None:
            for value in data:
                self.wfile.write(bytes([value]))
                if host.well.wait(0.2):
                    return

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that has gone away is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    host.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield host
    finally:
        host.well.set()
        server.shutdown()
        server.server_close()
        thread.join()
