"""How commands speak is a setting of the process, which tests of one worker share."""

from __future__ import annotations

import pytest

from wombat_gitops.cli import text


@pytest.fixture(autouse=True)
def _as_without_options() -> None:
    """No test hears of the options of the one before."""
    text.configure()
