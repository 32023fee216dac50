"""Settings from the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from wombat_gitops.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable


def fields(names: Iterable[str]) -> dict[str, object]:
    settings = Settings()
    return {name: getattr(settings, name) for name in names}


def test_an_empty_variable_was_a_path_or_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """`WOMBAT_CA=` meant the current folder, and `WOMBAT_PORT=` no number: now it is as if it were unset."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"WOMBAT_{name.upper()}", raising=False)
    unset = fields(Settings.model_fields)
    for name in Settings.model_fields:
        monkeypatch.setenv(f"WOMBAT_{name.upper()}", "")
    assert fields(Settings.model_fields) == unset


@pytest.mark.parametrize("domain", ["hub.one", "a b", "$JS", ">", "*"])
def test_a_domain_is_one_token(domain: str) -> None:
    with pytest.raises(ValidationError):
        Settings(nats_domain=domain)
