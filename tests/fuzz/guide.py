"""The part of atheris that is used, where it is installed (dependency group `fuzz`; Linux, Python before 3.14)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager


class Guide(Protocol):
    """libFuzzer, which prefers inputs that reach code that none before has reached."""

    def instrument_imports(self, include: Sequence[str]) -> AbstractContextManager[None]:
        """Watch what is reached in modules that are imported inside."""

    def Setup(  # noqa: N802 - its name
        self,
        arguments: Sequence[str],
        attempt: Callable[[bytes], None],
        *,
        custom_mutator: Callable[[bytes, int, int], bytes],
    ) -> None:
        """Take the options and what is to be tried."""

    def Fuzz(self) -> None:  # noqa: N802 - its name
        """Try inputs; never returns."""

    def Mutate(self, data: bytes, largest: int) -> bytes:  # noqa: N802 - its name
        """Change *data* as libFuzzer likes to."""


def find_guide() -> Guide | None:
    """Atheris, or None."""
    try:
        return cast("Guide", importlib.import_module("atheris"))
    except ImportError:
        return None
