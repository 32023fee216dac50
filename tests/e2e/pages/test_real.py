"""The pages over real builds: `wombat up` with a broker, a repository and the compiler; only the modules are fake."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.support.browser import chromium
from tests.support.pages import THEMES, WIDTHS, PageState, opened
from tests.support.system import System

pytestmark = pytest.mark.browser


async def test_pages_over_real_builds(system: System) -> None:
    """What the compiler made, and what it refused, is shown without anything that the matrix would object to."""
    system.proxy.add_benthos(
        "v4.82.0", extra={"public/components/broken/broken.go": "package broken\n\nvar x int = undefinedName\n"}
    )
    system.write()
    system.write("broken", packages=["pure", "broken"], core="v4.82.0")
    system.commit()
    system.start("up")
    (good,) = await system.until_state("tiny", "succeeded")
    (bad,) = await system.until_state("broken", "failed")
    paths = ("/", "/d/tiny", "/d/tiny/v/1.0.0", "/d/broken", "/builds", f"/builds/{good['id']}", f"/builds/{bad['id']}")
    rooms = ("/sources", "/fleet")
    found: list[str] = []
    async with chromium() as browser:
        for path in (*paths, *rooms):
            for width in WIDTHS:
                async with opened(browser, system.api, PageState(path, path), width) as look:
                    for theme in THEMES:
                        await look.page.emulate_media(color_scheme=theme)
                        await look.judge(PageState(path, path), f"{path} {width} {theme}")
                    if path == f"/builds/{bad['id']}":
                        await expect(look.page.get_by_text("undefinedName").first).to_be_visible()
                    if path == "/d/tiny":
                        await expect(look.page.get_by_text(good["artifact"]["sha256"]).first).to_be_attached()
                found += look.found
    assert not found, "\n".join(found)
