"""Asking a finished program about its components.

A program that does not tell is no worse for that: nothing here fails a build.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.golang.smoke import RUN_SECONDS, captured
from wombat_gitops.domain.errors import CorruptData
from wombat_gitops.domain.records import StepFailed
from wombat_gitops.domain.reference_reading import read_reference

if TYPE_CHECKING:
    from pathlib import Path

    from wombat_gitops.adapters.watchdog import Limits
    from wombat_gitops.domain.reference import Reference
    from wombat_gitops.ports import Output

_MOST_BYTES: Final = 24 * 1024 * 1024
"""Of each answer; Benthos alone prints 0.6 MB, and all of Connect about ten times that."""

_FULL: Final = ("list", "--format", "json-full")
_SCHEMA: Final = ("list", "--format", "jsonschema")


async def ask(binary: Path, scratch: Path, output: Output, limits: Limits) -> Reference | None:
    """What *binary* says of its components and its configuration; None where it does not, and the log tells why."""
    try:
        full = await _answer(binary, _FULL, scratch, limits)
        schema = await _schema(binary, scratch, output, limits)
        reference = await asyncio.to_thread(read_reference, full, schema)
    except (StepFailed, CorruptData) as error:
        await output.write(f"its components are not described: {error.message}\n".encode())
        return None
    await output.write(f"{len(reference.entries)} components described\n".encode())
    return reference


async def _schema(binary: Path, scratch: Path, output: Output, limits: Limits) -> bytes:
    try:
        return await _answer(binary, _SCHEMA, scratch, limits)
    except StepFailed as error:
        await output.write(f"no schema of its configuration: {error.message}\n".encode())
        return b""


async def _answer(binary: Path, words: tuple[str, ...], scratch: Path, limits: Limits) -> bytes:
    env = {"HOME": str(scratch), "TMPDIR": str(scratch)}
    answer = await captured([str(binary), *words], scratch, env, RUN_SECONDS, limits, _MOST_BYTES)
    return answer.stdout
