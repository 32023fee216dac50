"""The pages of rules are made of the rules, and say all of them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from wombat_gitops.domain.manifest.rulebook import rules_html, rules_markdown
from wombat_gitops.domain.manifest.rules import RULES, Rule

ROOT = Path(__file__).parents[3]


class Page(HTMLParser):
    """Notes ids and open tags."""

    def __init__(self) -> None:
        super().__init__()
        self.ids = list[str]()
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        assert tag not in {"script", "style", "img", "link"}

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_committed_page_is_in_step() -> None:
    """`wombat explain --page > docs/rules.md` makes it."""
    assert (ROOT / "docs" / "rules.md").read_text() == rules_markdown()


def test_every_rule_can_be_linked() -> None:
    """Each once, in the page that the API serves."""
    page = Page()
    page.feed(rules_html())

    assert sorted(page.ids) == sorted(RULES)
    for rule in RULES.values():
        assert rule.why.replace("`", "") in page.words
        assert rule.example in page.words


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_what_a_rule_says_is_whole(rule: Rule) -> None:
    """Words without a full stop, as all messages; an example, which is YAML unless it is a command or a module file."""
    for words in (rule.title, rule.why, rule.fix):
        assert words, words
        assert not words.endswith("."), words
        assert words.count("`") % 2 == 0, words
    assert re.fullmatch(r"[a-z0-9-]+", rule.slug)
    assert rule.example.strip()
    if re.match(r"[A-Za-z]+:", rule.example):
        assert isinstance(yaml.safe_load(rule.example), dict)
