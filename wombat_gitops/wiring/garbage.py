"""Python's search for garbage, kept away from what a process holds for good."""

from __future__ import annotations

import asyncio
import gc
from typing import Final

from wombat_gitops.services.pacing import first_of

_INTERVAL: Final = 3600.0


async def set_aside(loaded: asyncio.Event, stop: asyncio.Event, interval: float = _INTERVAL) -> None:
    """Take what lives on out of every full search for garbage, from *loaded* until *stop*.

    A full search stops the process: 0.3 s over a catalogue of 10,000 builds, in the midst of answers. What is set aside
    is looked through only every *interval* seconds, and what has been learned since is set aside with it. Reference
    counts free it as ever.
    """
    await first_of(loaded.wait(), stop)
    try:
        while not stop.is_set():
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            await first_of(asyncio.sleep(interval), stop)
    finally:
        gc.unfreeze()
