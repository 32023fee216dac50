"""The short way to lists: FastAPI's way to a handler costs more than most of them do.

Only what is surely right goes it: a fixed address, each parameter once, all of them good. Everything else, and whatever
a handler refuses, goes FastAPI's way, so that there is one place alone which says what is wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from wombat_gitops.api.sparse import SparseRoute
from wombat_gitops.domain.errors import WombatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastapi import APIRouter
    from starlette.types import ASGIApp, Receive, Scope, Send

_READS: Final = frozenset({"GET", "HEAD"})
_MOST_PARAMETERS: Final = 32


@dataclass(frozen=True, slots=True)
class Straight:
    """A handler of a request and, where it takes parameters, of one model of all of them.

    Attributes:
        path: as the route's template, for those who count answers.
        parameters: the handler's name for the model, and the model.
    """

    path: str
    handler: Callable[..., Awaitable[Response]]
    request: str
    parameters: tuple[str, type[BaseModel]] | None

    def arguments(self, request: Request) -> dict[str, Any] | None:
        """What the handler is called with; None where the query is not surely a good one."""
        query: bytes = request.scope["query_string"]
        if self.parameters is None:
            return None if query else {self.request: request}
        try:
            pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
            given = dict(pairs)
            if len(given) < len(pairs):
                return None
            name, model = self.parameters
            return {self.request: request, name: model.model_validate(given)}
        except (ValidationError, ValueError):
            return None


class StraightOn:
    """The layer before FastAPI's routes.

    Args:
        handlers: those that can be called straight on, by path; filled before the first request.
    """

    def __init__(self, app: ASGIApp, *, handlers: Mapping[str, Straight]) -> None:
        self._app = app
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        response = await self._answer(scope, receive) if scope["type"] == "http" else None
        await (response or self._app)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response | None:
        straight = self._handlers.get(scope["path"])
        if straight is None or scope["method"] not in _READS:
            return None
        arguments = straight.arguments(Request(scope, receive))
        if arguments is None:
            return None
        try:
            response = await straight.handler(**arguments)
        except (WombatError, HTTPException, RequestValidationError):
            return None
        scope.update(route=straight, path_params={})
        return response


def straight_of(prefix: str, router: APIRouter) -> Iterator[Straight]:
    """The handlers of a router that can be called straight on, below *prefix*."""
    for route in router.routes:
        if not isinstance(route, SparseRoute) or "{" in route.path or "GET" not in (route.methods or ()):
            continue
        needs = route.dependant
        kinds = [(field.name, field.field_info.annotation) for field in needs.query_params]
        models = [(name, kind) for name, kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        others = (needs.path_params, needs.header_params, needs.cookie_params, needs.body_params, needs.dependencies)
        if any(others) or needs.request_param_name is None or len(models) < len(kinds) or len(models) > 1:
            continue
        yield Straight(f"{prefix}{route.path}", route.endpoint, needs.request_param_name, next(iter(models), None))
