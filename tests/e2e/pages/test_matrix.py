"""Every page in every state, theme and width: nothing that axe, the console, the policy or a ruler objects to."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.support.pages import STATES, THEMES, WIDTHS, PageState, opened

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("state", STATES, ids=[state.name for state in STATES])
async def test_page(one_browser: Browser, hosts: dict[str, str], state: PageState) -> None:
    """One heading, a title, no wider than the window, no violation of WCAG 2.2 AA, no complaint, and it keeps still."""
    found: list[str] = []
    for width in WIDTHS:
        async with opened(one_browser, hosts[state.stage], state, width) as look:
            for theme in THEMES:
                await look.page.emulate_media(color_scheme=theme)
                await look.judge(state, f"{width} {theme}")
        found += look.found
    assert not found, "\n".join(found)
