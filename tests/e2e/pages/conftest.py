"""One browser and one server a kind of stage for a file of tests: starting them takes longer than looking at a page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.api import served
from tests.support.browser import chromium
from tests.support.pages import fill
from tests.support.stage import Stage
from wombat_gitops.api.site import BUILT


@pytest.fixture(scope="module")
def built_site() -> None:
    """The website is there; an error, not a skip, where it is not."""
    assert (BUILT / "index.html").is_file(), "build the website first: npm ci && npm run build in wombat_gitops/ui"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hosts(tmp_path_factory: pytest.TempPathFactory, built_site: None) -> AsyncIterator[dict[str, str]]:
    """Addresses of servers by the name of their stage: `filled`, `empty`, and `away`, whose broker is gone."""
    async with AsyncExitStack() as stack:
        hosts = {}
        for name in ("filled", "empty", "away"):
            stage = Stage(tmp_path_factory.mktemp(name))
            if name != "empty":
                await fill(stage)
            await stack.enter_async_context(stage.running())
            stage.connected = name != "away"
            client = await stack.enter_async_context(served(stage, site=BUILT, seconds=None))
            hosts[name] = str(client.base_url)
        yield hosts
