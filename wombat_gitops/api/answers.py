"""Routes that answer GET and HEAD, and answers that a client need not fetch twice."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import Response

if TYPE_CHECKING:
    from fastapi import APIRouter, Request

    from wombat_gitops.api.views.base import View

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Any]])


def get(router: APIRouter, path: str, **options: Any) -> Callable[[Handler], Handler]:  # noqa: ANN401 - FastAPI's own
    """Register a handler for GET and HEAD; only GET is in the API's description."""

    def register(handler: Handler) -> Handler:
        router.add_api_route(path, handler, methods=["GET"], **options)
        router.add_api_route(path, handler, methods=["HEAD"], **{**options, "include_in_schema": False})
        return handler

    return register


def answer(request: Request, view: View, *, next_page: str | None = None) -> Response:
    """JSON of *view* with a strong ETag made from its bytes alone, or 304 where the client has them."""
    body = view.model_dump_json().encode()
    headers = {"Link": f'<{next_page}>; rel="next"'} if next_page else None
    return tagged(request, Response(body, media_type="application/json", headers=headers))


def tagged(request: Request, response: Response, *, cache: str = "no-cache") -> Response:
    """Add ETag and Cache-Control to a whole answer; 304 where the client has it."""
    etag = f'"sha256-{hashlib.sha256(response.body).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": cache}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response


def is_known(request: Request, etag: str) -> bool:
    """Whether If-None-Match names *etag* (weak comparison, RFC 9110, 13.1.2)."""
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or etag in {part.strip().removeprefix("W/") for part in given.split(",")}
