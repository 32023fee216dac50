"""Answers are counted by the template of their route: never by anything that a client chose."""

from __future__ import annotations

import httpx
import pytest
import structlog
from fastapi import APIRouter, FastAPI

from wombat_gitops.api.measured import Measured


@pytest.mark.parametrize(
    ("path", "method", "route", "status"),
    [
        ("/api/v1/builds/abc", "GET", "/api/v1/builds/{build}", 200),
        ("/api/v1/builds/api", "GET", "/api/v1/builds/{build}", 200),
        ("/api/v1/builds/%2e%2e", "GET", "/api/v1/builds/{build}", 200),
        ("/dl/a/b/c.tar", "GET", "/dl/{path:path}", 200),
        ("/plain", "GET", "/plain", 200),
        ("/plain", "POST", "/plain", 405),
        ("/nowhere", "GET", "unmatched", 404),
        ("/" + "x" * 300, "GET", "unmatched", 404),
        ("/broken", "GET", "/broken", 500),
    ],
)
async def test_the_label_is_the_template(path: str, method: str, route: str, status: int) -> None:
    router = APIRouter()

    @router.get("/builds/{build}")
    async def build(build: str) -> str:
        return build

    app = FastAPI()
    app.include_router(router, prefix="/api/v1")

    @app.get("/dl/{path:path}")
    async def download(path: str) -> str:
        return path

    @app.get("/plain")
    async def plain() -> str:
        return ""

    @app.get("/broken")
    async def broken() -> str:
        msg = "broken"
        raise RuntimeError(msg)

    app.add_middleware(Measured)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    with structlog.testing.capture_logs() as logs:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            await client.request(method, path)

    (told,) = (entry for entry in logs if entry["event"] == "http_answered")
    assert (told["route"], told["method"]) == (route, method)
    assert told["status"] == (499 if status == 500 else status)
    assert told["seconds"] >= 0
