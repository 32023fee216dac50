"""`wombat schema` and `wombat explain`: the definition of manifests, as schema and as rules."""

from __future__ import annotations

from wombat_gitops.cli import text
from wombat_gitops.domain.errors import NotFound
from wombat_gitops.domain.manifest import render_schemas
from wombat_gitops.domain.manifest.fieldbook import fields_markdown
from wombat_gitops.domain.manifest.places import did_you_mean
from wombat_gitops.domain.manifest.rulebook import rules_markdown
from wombat_gitops.domain.manifest.rules import RULES


def schema(kind: str) -> None:
    """Print the JSON Schema of one kind of manifest, or of all. Raises `NotFound`."""
    schemas = render_schemas()
    wanted = f"{kind.lower() or 'manifest'}.schema.json"
    if wanted not in schemas:
        names = [name.removesuffix(".schema.json") for name in schemas]
        msg = f"there is no kind `{kind}`"
        raise NotFound(msg, hint=did_you_mean(kind.lower(), names) or f"there are {', '.join(names)}")
    text.exact(schemas[wanted])


def fields_page() -> None:
    """Print the page of all fields."""
    text.exact(fields_markdown())


def rules_page() -> None:
    """Print the page of all rules."""
    text.exact(rules_markdown())


def explain(word: str, output: text.Output) -> None:
    """Print one rule, or the list of all. Raises `NotFound`."""
    if not word:
        items = [{"id": rule.id, "slug": rule.slug, "title": rule.title} for rule in RULES.values()]
        rows: list[list[text.Cell]] = [[rule.id, rule.title] for rule in RULES.values()]
        text.emit({"items": items}, output, lambda: text.table(["RULE", "SAYS"], rows))
        return
    wanted = word.upper()
    rule = RULES.get(wanted if wanted.startswith("WOM-") else f"WOM-{wanted.zfill(3)}")
    if rule is None:
        msg = f"there is no rule `{word}`"
        raise NotFound(msg, hint=did_you_mean(wanted, RULES) or f"they go from {min(RULES)} to {max(RULES)}")

    def table() -> str:
        return (
            text.fields(
                [("rule", f"{rule.id} {rule.slug}"), ("says", rule.title), ("why", rule.why), ("mend", rule.fix)]
            )
            + "\n\n"
            + "\n".join(f"    {line}" for line in rule.example.splitlines())
        )

    data = {name: getattr(rule, name) for name in ("id", "slug", "title", "why", "fix", "example")}
    text.emit(data, output, table)
