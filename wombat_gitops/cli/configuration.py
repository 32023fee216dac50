"""Settings from the environment and the command line, with wrong values told as errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from wombat_gitops.domain.errors import UserError
from wombat_gitops.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping


def make_settings(given: Mapping[str, object]) -> Settings:
    """The settings of this run; what is *given* wins over the environment.

    Raises:
        UserError: a value is not one that the setting takes.
    """
    try:
        return Settings.model_validate({**Settings().model_dump(), **given}) if given else Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = str(first["loc"][0])
        where = f"option `--{name}`" if name in given else f"variable `WOMBAT_{name.upper()}`"
        msg = f"{where}: {first['msg'].lower()}"
        raise UserError(msg) from error
