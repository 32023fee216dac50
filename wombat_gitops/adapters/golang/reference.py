"""Asking a finished program about its components.

A program that does not tell is no worse for that: nothing here fails a build.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.golang import smoke
from wombat_gitops.domain.errors import CorruptData
from wombat_gitops.domain.records import StepFailed
from wombat_gitops.domain.reference_reading import read_reference

if TYPE_CHECKING:
    from wombat_gitops.adapters.golang.program import BuiltProgram
    from wombat_gitops.domain.reference import Reference
    from wombat_gitops.ports import Output

_MOST_BYTES: Final = 24 * 1024 * 1024
"""Of each answer; Benthos alone prints 0.6 MB, and all of Connect about ten times that."""

_FULL: Final = ("list", "--format", "json-full")
_SCHEMA: Final = ("list", "--format", "jsonschema")


async def ask(program: BuiltProgram, output: Output) -> Reference | None:
    """What *program* says of its components and its configuration; None where it does not, and the log tells why."""
    try:
        full = await smoke.ask(program, *_FULL, most=_MOST_BYTES)
        schema = await _schema(program, output)
        reference = await asyncio.to_thread(read_reference, full.stdout, schema)
    except (StepFailed, CorruptData) as error:
        await output.write(f"its components are not described: {error.message}\n".encode())
        return None
    await output.write(f"{len(reference.entries)} components described\n".encode())
    return reference


async def _schema(program: BuiltProgram, output: Output) -> bytes:
    try:
        return (await smoke.ask(program, *_SCHEMA, most=_MOST_BYTES)).stdout
    except StepFailed as error:
        await output.write(f"no schema of its configuration: {error.message}\n".encode())
        return b""
