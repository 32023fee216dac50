"""Examples in the API's description: answers that a real application gave, kept as a file beside this one."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_BYTES: Final = "application/octet-stream"
FILE: Final = Path(__file__).with_name("examples.json")


def add_examples(paths: Mapping[str, Any]) -> None:
    """Put the examples into the operations of a description; those that have none stay as they are."""
    examples = _read()
    for methods in paths.values():
        operation = methods["get"]
        for parameter in operation.get("parameters", ()):
            if parameter.get("in") == "path" or parameter.get("required"):
                own = examples["own"].get(operation["operationId"], {})
                value = {**examples["parameters"], **own}.get(parameter["name"])
                if value is not None:
                    parameter["example"] = value
        answer = examples["answers"].get(operation["operationId"])
        for kind, content in operation["responses"].get("200", {}).get("content", {}).items():
            fits = isinstance(answer, str) if "json" not in kind else isinstance(answer, dict)
            if fits and kind != _BYTES:
                content["example"] = answer


@cache
def _read() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    return {"parameters": {}, "own": {}, "answers": {}, **found}
