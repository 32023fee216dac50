"""What a build needs of a builder, and what a builder can do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

_KIB: Final = 1024

Label = tuple[Annotated[str, Field(max_length=63)], Annotated[str, Field(max_length=200)]]


@dataclass(frozen=True, slots=True)
class Needs:
    """What a build takes of a builder besides its platform and C; not a part of the build's identity.

    Attributes:
        memory: bytes, 0 for no demand.
        labels: every one must be a builder's too, with this value; sorted.
    """

    memory: Annotated[int, Field(ge=0)] = 0
    labels: Annotated[tuple[Label, ...], Field(max_length=20)] = ()


NO_NEEDS: Final = Needs()


class SandboxLevel(StrEnum):
    """How foreign code is contained while it is compiled and run."""

    BUBBLEWRAP = "bubblewrap"  # namespaces, seccomp and limits: no network, no files but those it needs
    LANDLOCK = "landlock"  # no user namespaces here: Landlock, seccomp and limits; sees the machine's processes
    NONE = "none"  # foreign code has the rights of the builder's user


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a builder can do.

    Attributes:
        sandbox: how it contains foreign code; "" for a builder of an earlier version.
        platforms: patterns of the platforms it builds for, none for all of them.
        cgo: patterns of the platforms that it has a C compiler for.
        memory: bytes that one build may use, 0 where that is not bounded.
        labels: free texts, by which builds choose builders; sorted.
    """

    platforms: tuple[str, ...] = ()
    cgo: tuple[str, ...] = ()
    memory: int = 0
    labels: tuple[Label, ...] = ()
    sandbox: str = ""


EVERYTHING: Final = Capabilities()


def size_text(size: int) -> str:
    """Bytes for people: `16 GiB`, `1.5 GiB`."""
    value, unit = float(size), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < _KIB:
            break
        value, unit = value / _KIB, larger
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"
