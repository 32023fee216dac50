"""The page of all rules, made of the rules themselves: `docs/rules.md`, and what the API serves."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.manifest.rules import BY_SUBJECT

if TYPE_CHECKING:
    from wombat_gitops.domain.manifest.rules import Rule

TITLE: Final = "Manifest rules"
_INTRODUCTION: Final = (
    "Every problem that `wombat validate` reports names a rule. `wombat explain WOM-010` explains one. "
    "Ids are stable: the number of a removed rule is not used again."
)
_FIELD: Final = re.compile(r"[A-Za-z]+:")


def rules_markdown() -> str:
    """All rules by subject, as Markdown."""
    parts = [f"# {TITLE}", "", _INTRODUCTION]
    for subject, rules in BY_SUBJECT:
        parts += ["", f"## {_title(subject)}"]
        for rule in sorted(rules, key=lambda rule: rule.id):
            parts += ["", f"### {rule.id} {rule.slug}", "", *_paragraphs(rule), ""]
            parts += [f"```{'yaml' if _FIELD.match(rule.example) else 'text'}", rule.example, "```"]
    return "\n".join(parts) + "\n"


def rules_html() -> str:
    """All rules by subject, as the content of a page below its heading; each can be linked by its id."""
    known = sorted(rule.id for _, rules in BY_SUBJECT for rule in rules)
    links = "".join(f'<li><a href="#{identity}">{identity}</a></li>' for identity in known)
    parts = [f'<p>{_code(_INTRODUCTION)}</p><ul class="contents">{links}</ul>']
    for subject, rules in BY_SUBJECT:
        parts.append(f"<h2>{html.escape(_title(subject))}</h2>")
        for rule in sorted(rules, key=lambda rule: rule.id):
            parts.append(f'<h3 id="{rule.id}">{rule.id} {html.escape(rule.slug)}</h3>')
            parts += [f"<p>{_code(words)}</p>" for words in _paragraphs(rule) if words]
            parts.append(
                f'<pre tabindex="0" role="group" aria-label="Example of {rule.id}">{html.escape(rule.example)}</pre>'
            )
    return "\n".join(parts)


def _title(subject: str) -> str:
    """`Rules about the lock, 050 to 059.` without its beginning."""
    words = subject.removeprefix("Rules about ").rstrip(".")
    return words[:1].upper() + words[1:]


def _paragraphs(rule: Rule) -> list[str]:
    return [f"{_sentence(rule.title)}", "", f"Why: {rule.why}.", "", f"What to do: {rule.fix}."]


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _code(words: str) -> str:
    """Escaped text in which what stands in backticks is code."""
    pieces = html.escape(words).split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))
