"""The text in Markdown that stands beside a manifest: where it is looked for, and how much of it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container

MAX_BYTES: Final = 64 * 1024
"""Bytes of a README that is shown; it is kept in the record of its distribution."""

_NAME: Final = "README.md"


def readme_path(manifest: str, present: Container[str], *, alone: bool) -> str:
    """The path of a manifest's README among the files that are *present*, or "".

    `manifests/tiny.md` belongs to `manifests/tiny.yaml`. `README.md` beside it does only where the manifest is
    *alone* in a folder of its own: in a folder of many it tells of all of them.
    """
    folder, slash, _ = manifest.rpartition("/")
    own = own_readme(manifest)
    candidates = (own, f"{folder}{slash}{_NAME}") if alone else (own,)
    return next((path for path in candidates if path in present), "")


def own_readme(manifest: str) -> str:
    """The path of the README that belongs to one manifest, wherever that is: `manifests/tiny.md`."""
    return f"{manifest.removesuffix('.yaml').removesuffix('.yml')}.md"


def readme_text(data: bytes) -> str:
    """A README's bytes as text with plain ends of lines; what is not UTF-8, or not text, is replaced."""
    text = data.decode("utf-8-sig", errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return "\n".join(text.replace("\r\n", "\n").split("\r"))
