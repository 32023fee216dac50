"""Answers of which a client wants only some fields: `?fields=name,platforms.state`.

A name is a field of the answer, or of each item where the answer is a list, whose frame stays whole; a dot goes into
what a field holds, into each of them where it holds several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args
from urllib.parse import unquote_plus

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request

from wombat_gitops.api.views.base import View
from wombat_gitops.domain.neighbours import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from starlette.responses import Response

PARAMETER: Final = "fields"
_STATE: Final = "fields"
_LONGEST: Final = 1000
_EACH: Final = "__all__"

Tree = dict[str, "Tree"]
"""Wanted fields by name, each with what is wanted of it; nothing below means all of it."""

DESCRIPTION: Final[Mapping[str, Any]] = {
    "name": PARAMETER,
    "in": "query",
    "description": (
        "Only these fields, with commas between them: `name,version`. Of a list they are fields of its items. "
        "A dot goes deeper, `platforms.state`. Without it everything is told. The `ETag` is that of the shorter answer."
    ),
    "required": False,
    "schema": {"type": "string", "format": "field-list", "maxLength": _LONGEST, "default": ""},
    "example": "",
}
"""The parameter, as the API's description has it once for all routes."""

REFERENCE: Final[Mapping[str, str]] = {"$ref": f"#/components/parameters/{PARAMETER}"}
"""To the parameter, where a route has it."""


class SparseRoute(APIRoute):
    """A route of JSON that takes `fields`, and refuses every parameter that it does not know."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handle = super().get_route_handler()
        takes_others = bool(self.dependant.query_params)

        async def sparse(request: Request) -> Response:
            parts = [part for part in request.scope["query_string"].split(b"&") if part]
            others = [part for part in parts if _name(part) != PARAMETER]
            if others and not takes_others:
                msg = "extra inputs are not permitted"
                raise _refused(msg, *sorted({_name(part) for part in others}))
            texts = [part.partition(b"=")[2] for part in parts if _name(part) == PARAMETER]
            if not texts:
                return await handle(request)
            if len(texts) > 1 or len(texts[0]) > _LONGEST:
                msg = f"give it once, with at most {_LONGEST} characters"
                raise _refused(msg, PARAMETER)
            # The parameters of a route refuse what they do not know, so they do not get to see this one.
            scope = {**request.scope, "query_string": b"&".join(others)}
            scope.setdefault("state", {})[_STATE] = _text(texts[0])
            return await handle(Request(scope, request.receive))

        return sparse


def wanted(request: Request) -> str:
    """The `fields` of a request as they were given, or ""."""
    text: str = request.scope.get("state", {}).get(_STATE, "")
    return text


def dump(view: View, fields: str) -> bytes:
    """JSON of *view*, or of those of its fields that are wanted.

    Raises:
        RequestValidationError: names a field that there is not, with those that are near.
    """
    if not fields.strip():
        return view.model_dump_json().encode()
    kind = type(view)
    if "items" not in kind.model_fields:
        return view.model_dump_json(include=_selection(kind, _tree(fields))).encode()
    inside: dict[str, Any] = {_EACH: _selection(_below(kind, "items") or kind, _tree(fields))}
    around = dict.fromkeys(kind.model_fields, True)
    return view.model_dump_json(include={**around, "items": inside}).encode()


def _tree(fields: str) -> Tree:
    """`a,b.c,b.d` as `{a: {}, b: {c: {}, d: {}}}`; of `b` and `b.c` the whole `b` is wanted."""
    tree: Tree = {}
    whole = {name.strip() for name in fields.split(",")}
    for name in sorted(whole):
        parts = name.split(".")
        if any(".".join(parts[:end]) in whole for end in range(1, len(parts))):
            continue
        place = tree
        for part in parts:
            place = place.setdefault(part, {})
    return tree


def _selection(kind: type[View], tree: Tree, path: str = "") -> dict[str, Any]:
    """What pydantic includes. Raises as `dump`."""
    found: dict[str, Any] = {}
    for name, below in tree.items():
        if name not in kind.model_fields:
            hint = nearest(name, kind.model_fields)
            msg = f"there is no field `{path}{name[:80]}`{f'; {hint}' if hint else ''}"
            raise _refused(msg, PARAMETER)
        if not below:
            found[name] = True
            continue
        inner = _below(kind, name)
        if inner is None:
            msg = f"there is nothing below `{path}{name}`"
            raise _refused(msg, PARAMETER)
        selection = _selection(inner, below, f"{path}{name}.")
        found[name] = {_EACH: selection} if _holds_several(kind, name) else selection
    return found


def _below(kind: type[View], name: str) -> type[View] | None:
    """The view that a field holds, or holds several of."""
    return next((each for each in _types(kind.model_fields[name].annotation) if _is_view(each)), None)


def _holds_several(kind: type[View], name: str) -> bool:
    return not any(_is_view(each) for each in _alternatives(kind.model_fields[name].annotation))


def _is_view(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, View)


def _alternatives(annotation: object) -> tuple[object, ...]:
    """`X | None` as both of them, anything else alone."""
    arguments = get_args(annotation)
    return arguments if type(None) in arguments else (annotation,)


def _types(annotation: object) -> Iterator[Any]:
    """Every type that an annotation is made of."""
    yield annotation
    for argument in get_args(annotation):
        yield from _types(argument)


def _name(part: bytes) -> str:
    """The name of a parameter of an address."""
    return _text(part.partition(b"=")[0])


def _text(part: bytes) -> str:
    return unquote_plus(part.decode("latin-1"), errors="replace")


def _refused(message: str, *parameters: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("query", each), "msg": message, "type": "fields"} for each in parameters])
