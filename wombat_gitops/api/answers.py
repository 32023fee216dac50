"""Routes that answer GET and HEAD, and answers that a client need not fetch twice."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fastapi import Response

from wombat_gitops.api.sparse import REFERENCE, SparseRoute, dump, wanted
from wombat_gitops.api.views.base import View

if TYPE_CHECKING:
    from fastapi import APIRouter, Request
    from starlette.types import Scope


_KEPT: Final = "kept"
Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Any]])


def get(router: APIRouter, path: str, **options: Any) -> Callable[[Handler], Handler]:  # noqa: ANN401 - FastAPI's own
    """Register a handler for GET and HEAD; only GET is in the API's description.

    What answers with a view takes `fields` beside its own parameters.
    """
    model = options.get("response_model")
    if isinstance(model, type) and issubclass(model, View):
        options = {**options, "route_class_override": SparseRoute, "openapi_extra": {"parameters": [dict(REFERENCE)]}}

    def register(handler: Handler) -> Handler:
        router.add_api_route(path, handler, methods=["GET"], **options)
        router.add_api_route(path, handler, methods=["HEAD"], **{**options, "include_in_schema": False})
        return handler

    return register


def answer(request: Request, view: View, *, next_page: str | None = None, kept: bool = False) -> Response:
    """JSON of *view*, or of those of its fields that are wanted, as `tagged`.

    Args:
        kept: as there; what only time changes in the view may be a second old.
    """
    return written(request, dump(view, wanted(request)), next_page=next_page, kept=kept)


def written(request: Request, body: bytes, *, next_page: str | None, kept: bool) -> Response:
    """JSON as `answer`, from its bytes."""
    headers = {"Link": f'<{next_page}>; rel="next"'} if next_page else None
    return tagged(request, Response(body, media_type="application/json", headers=headers), kept=kept)


def tagged(request: Request, response: Response, *, cache: str = "no-cache", kept: bool = False) -> Response:
    """A whole answer, with a strong ETag made from its bytes alone; `api.kept` sends it to those who do not have it.

    Args:
        kept: it is the same for everybody and made from the catalogue alone, so it may be sent again while that
            stays as it is.
    """
    response.headers.update({"ETag": etag(response.body), "Cache-Control": cache})
    request.scope.setdefault("state", {})[_KEPT] = kept
    return response


def etag(body: bytes | memoryview) -> str:
    """The strong entity tag of bytes."""
    return f'"sha256-{hashlib.sha256(body).hexdigest()}"'


def keeping_of(scope: Scope) -> bool | None:
    """Whether the answer to a request may be kept; None where it is not a whole one from `tagged`."""
    kept: bool | None = scope.get("state", {}).get(_KEPT)
    return kept


def is_known(request: Request, tag: str) -> bool:
    """Whether If-None-Match names *tag*."""
    return matches(request.headers.get("if-none-match", ""), tag)


def matches(given: str, tag: str) -> bool:
    """Whether a value of If-None-Match names *tag* (weak comparison, RFC 9110, 13.1.2)."""
    return given.strip() == "*" or tag in {part.strip().removeprefix("W/") for part in given.split(",")}
