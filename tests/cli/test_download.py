"""Downloads against a small real HTTP server."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from wombat_gitops.api.views.service import IndexView
from wombat_gitops.cli.client import ApiClient
from wombat_gitops.cli.jobs.download import Wanted, fetch, safe_name
from wombat_gitops.domain.errors import CorruptData, NotFound, Unreachable, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


class Server:
    """Serves `data`; remembers the ranges that were asked for; cuts the first answer after `cut` bytes."""

    def __init__(self) -> None:
        self.data = DATA
        self.cut: int | None = None
        self.ranges: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                if self.path == "/problem":
                    body = b'{"type":"/x","title":"T","status":404,"code":"x","detail":"no `x`","hint":"try y"}'
                    self.send_response(404)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                    return
                wanted = self.headers.get("Range", "")
                server.ranges.append(wanted)
                start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
                self.send_response(206 if wanted else 200)
                if wanted:
                    self.send_header("Content-Range", f"bytes {start}-{len(server.data) - 1}/{len(server.data)}")
                self.send_header("Content-Length", str(len(server.data) - start))
                self.end_headers()
                rest = server.data[start:]
                cut, server.cut = server.cut, None
                self.wfile.write(rest[:cut])

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    thread = threading.Thread(target=found.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.http.shutdown()
    thread.join()
    found.http.server_close()


@pytest.fixture
def wanted() -> Wanted:
    return Wanted("/dl/tiny", SHA256, len(DATA), "tiny")


def test_the_file_appears_whole(server: Server, wanted: Wanted, tmp_path: Path) -> None:
    """The bytes are the recorded ones, and nothing else is left."""
    fetch(ApiClient(server.address), wanted, tmp_path / "tiny")

    assert (tmp_path / "tiny").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_wrong_bytes_are_never_saved(server: Server, wanted: Wanted, tmp_path: Path) -> None:
    """One flipped byte fails loudly and leaves no file, not even a part."""
    server.data = b"\xff" + DATA[1:]

    with pytest.raises(CorruptData, match="SHA-256"):
        fetch(ApiClient(server.address), wanted, tmp_path / "tiny")
    assert list(tmp_path.iterdir()) == []


def test_more_bytes_than_recorded_are_refused(server: Server, wanted: Wanted, tmp_path: Path) -> None:
    """A server cannot fill the disk."""
    server.data = DATA + b"more"

    with pytest.raises(CorruptData, match="bytes"):
        fetch(ApiClient(server.address), wanted, tmp_path / "tiny")


def test_a_broken_download_goes_on(server: Server, wanted: Wanted, tmp_path: Path) -> None:
    """The second request asks only for what is missing."""
    server.cut = 100_000

    fetch(ApiClient(server.address), wanted, tmp_path / "tiny")

    assert (tmp_path / "tiny").read_bytes() == DATA
    assert server.ranges == ["", "bytes=100000-"]


def test_a_part_that_does_not_fit_is_thrown_away(server: Server, wanted: Wanted, tmp_path: Path) -> None:
    """Other bytes from an earlier run do not spoil the file."""
    (tmp_path / f".tiny.{SHA256[:16]}.part").write_bytes(b"x" * 1000)

    fetch(ApiClient(server.address), wanted, tmp_path / "tiny")

    assert (tmp_path / "tiny").read_bytes() == DATA


@pytest.mark.parametrize("name", ["../tiny", "/etc/x", ".hidden", "", "a\nb", "a\\b"])
def test_a_server_cannot_choose_the_folder(name: str) -> None:
    """File names that lead elsewhere or hide are refused."""
    with pytest.raises(CorruptData):
        safe_name(name)


def test_a_problem_becomes_our_error(server: Server) -> None:
    """Detail and hint of the problem document are told."""
    with pytest.raises(NotFound, match="no `x`") as caught:
        ApiClient(server.address).get("/problem", IndexView)
    assert caught.value.hint == "try y"


def test_something_else_than_our_api_is_told(server: Server) -> None:
    """An answer that is not the expected JSON is corrupt data, not a traceback."""
    with pytest.raises(CorruptData):
        ApiClient(server.address).get("/anything", IndexView)


def test_no_server_is_unreachable(server: Server) -> None:
    """A refused connection says so."""
    address = server.address.rpartition(":")[0] + ":1"
    with pytest.raises(Unreachable, match="does not answer"):
        ApiClient(address).get("/api/v1", IndexView)


def test_only_web_addresses_are_asked() -> None:
    """A file URL is not a server."""
    with pytest.raises(UserError):
        ApiClient("file:///etc/passwd")
