"""Running a finished program: always in the sandbox, each run in an empty folder of its own."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wombat_gitops.adapters.process import Captured

_TIME_ZONES: Final = Path("/usr/share/zoneinfo")


@dataclass(frozen=True, slots=True)
class BuiltProgram:
    """A program that was just built, or fetched: foreign code, whatever it was checked for.

    Attributes:
        file: the program; it is shown to itself read-only.
        place: folder below which each run has one of its own.
        limits: what each run may take.
        cgo: it may need the system's C library.
    """

    file: Path
    place: Path
    sandbox: Sandbox = field(default_factory=Sandbox)
    limits: Limits = UNLIMITED
    cgo: bool = False

    async def run(
        self,
        words: Sequence[str],
        *,
        seconds: float,
        limit: int,
        stdin: bytes | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Captured:
        """Run it with *words* and return what it said; raises as `Enclosure.capture` does.

        Args:
            limit: bytes of output, each of the two streams.
            files: texts by the names they have in the folder that it runs in.
        """
        place = self.place / f"run-{secrets.token_hex(4)}"
        try:
            enclosure = await self.sandbox.enclosure(place, system=self.cgo)
            for name, text in (files or {}).items():
                (place / name).write_text(text, encoding="utf-8", newline="")
            program = enclosure.read(self.file, f"/program/{self.file.name}")
            if _TIME_ZONES.is_dir() and not self.cgo:
                enclosure.read(_TIME_ZONES, str(_TIME_ZONES))
            home = enclosure.temporary
            return await enclosure.capture(
                [program, *words],
                cwd=home,
                env={"HOME": home, "TMPDIR": home},
                seconds=seconds,
                stdin=stdin,
                limit=limit,
                limits=self.limits,
            )
        finally:
            await asyncio.to_thread(remove_tree, place)
