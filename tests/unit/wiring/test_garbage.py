from __future__ import annotations

import asyncio
import gc

from wombat_gitops.wiring.garbage import set_aside


async def test_what_was_loaded_is_left_out_of_searches_until_the_end() -> None:
    loaded, stop = asyncio.Event(), asyncio.Event()
    work = asyncio.create_task(set_aside(loaded, stop))
    await asyncio.sleep(0)
    assert gc.get_freeze_count() == 0, "nothing is there to set aside yet"
    kept = [[number] for number in range(1_000)]
    loaded.set()
    async with asyncio.timeout(60):
        while not gc.get_freeze_count():
            await asyncio.sleep(0)
    assert not any(each is kept for each in gc.get_objects())
    stop.set()
    await work
    assert gc.get_freeze_count() == 0
    assert any(each is kept for each in gc.get_objects())


async def test_what_was_learned_since_is_set_aside_too() -> None:
    loaded, stop = asyncio.Event(), asyncio.Event()
    loaded.set()
    work = asyncio.create_task(set_aside(loaded, stop, interval=0.001))
    async with asyncio.timeout(60):
        while not gc.get_freeze_count():
            await asyncio.sleep(0)
        learned = [[number] for number in range(1_000)]
        while any(each is learned for each in gc.get_objects()):
            await asyncio.sleep(0.001)
    stop.set()
    await work


async def test_an_end_before_anything_was_loaded_is_an_end() -> None:
    stop = asyncio.Event()
    stop.set()
    await asyncio.wait_for(set_aside(asyncio.Event(), stop), 60)
    assert gc.get_freeze_count() == 0
