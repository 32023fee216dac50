"""GitHub's API as far as comments of pull requests go, over real HTTP."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Api:
    """GitHub's API as far as comments go."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.pulls: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        api = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                api.asked.append(f"{self.command} {self.path}")
                assert self.headers["Authorization"] == "Bearer secret"
                result = api.handle(self.command, self.path, body)
                data = json.dumps(result).encode()
                self.send_response(api.status)
                for name, value in {**api.headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handle(self, method: str, path: str, body: dict[str, Any]) -> object:
        """One request."""
        if "/pulls?" in path:
            return self.pulls if "page=1" in path else []
        number = int(path.rpartition("/")[2]) if "/comments/" in path else 0
        if method == "GET":
            page = int(path.rpartition("page=")[2])
            return self.comments[(page - 1) * 100 : page * 100]
        if len(body.get("body", "").encode("utf-16-le")) > 2 * 65_536:
            self.status = 422
            return {"message": "body is too long (maximum is 65536 characters)"}
        if method == "POST":
            self.comments.append({"id": len(self.comments) + 1, "user": {"type": "Bot"}, **body})
        elif method == "PATCH":
            next(each for each in self.comments if each["id"] == number).update(body)
        else:
            self.comments = [each for each in self.comments if each["id"] != number]
        return {}

    def close(self) -> None:
        """Stop answering."""
        self.server.shutdown()
        self.server.server_close()
