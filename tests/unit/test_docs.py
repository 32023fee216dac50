"""What the documentation shows is valid, and its generated pages are in step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from wombat_gitops.domain.manifest import read_all
from wombat_gitops.domain.manifest.fieldbook import fields_markdown
from wombat_gitops.domain.manifest.fields import RECORDS
from wombat_gitops.domain.manifest.render import render_text

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def manifests(page: Path) -> dict[str, bytes]:
    """The whole manifests that a page shows, each under the name of its file."""
    found: dict[str, bytes] = {}
    for text in _BLOCK.findall(page.read_text()):
        value = yaml.safe_load(text)
        if isinstance(value, dict) and value.get("kind") in RECORDS:
            found[f"manifests/{value.get('name', 'defaults')}.yaml"] = text.encode()
    return found


def test_there_are_examples() -> None:
    """The test below tests something."""
    assert len(manifests(ROOT / "docs" / "manifests.md")) >= 7
    assert manifests(ROOT / "README.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_manifest_that_is_shown_is_valid(page: Path) -> None:
    """Together with the others of its page, which it may need."""
    shown = read_all(manifests(page))

    assert not shown.diagnostics, render_text(shown.diagnostics)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page is to a file that is there."""
    for target in _LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_page_of_fields_is_in_step() -> None:
    """`wombat schema --page > docs/fields.md` makes it."""
    assert (ROOT / "docs" / "fields.md").read_text() == fields_markdown()
