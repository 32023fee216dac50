"""A delta for people: Markdown for pull requests, plain text for terminals.

Whoever opens a pull request chooses names, messages and paths. In Markdown each of their texts is inside a
code span, in which GitHub reads no markup, no mention and no link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.delta import BuildKind, ChangeKind
from wombat_gitops.domain.manifest.places import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wombat_gitops.domain.delta import Delta, DistributionChange, FieldChange, Problem

MARKER: Final = "<!-- wombat-gitops:plan -->"
"""First line of the comment, by which it is found again."""

COMMENT_LIMIT: Final = 60_000
"""Characters of a comment; GitHub takes 65,535."""

_LONGEST: Final = 200
_MOST_ITEMS: Final = 60
_MARKS: Final = {
    ChangeKind.ADDED: "added",
    ChangeKind.CHANGED: "changed",
    ChangeKind.RENAMED: "renamed",
    ChangeKind.REMOVED: "removed",
    ChangeKind.UNUSABLE: "cannot be used",
}


def code(text: str) -> str:
    """Untrusted text as a code span for a line or a table cell."""
    plain = printable(" ".join(text.split()))
    plain = plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
    plain = plain.replace("`", "'").replace("|", "¦").replace("\\", "/")
    return f"`{plain}`" if plain.strip() else "(none)"


def render_markdown(delta: Delta, *, limit: int = COMMENT_LIMIT, rest: str = "") -> str:
    """The whole report, cut between distributions where it would be longer than *limit* characters.

    Args:
        rest: where to find what was cut, as the end of a sentence.
    """
    parts = [MARKER, _headline(delta), _allowed(delta), _problems(delta.problems), _table(delta)]
    text = "\n\n".join(part for part in parts if part)
    sections = [_section(change) for change in delta.distributions]
    for index, section in enumerate(sections):
        if len(text) + len(section) > limit - 300:
            left = len(sections) - index
            text += (
                f"\n\n_{left} more distribution{'s' if left > 1 else ''} not shown{f'; see {rest}' if rest else ''}._"
            )
            break
        text += f"\n\n{section}"
    return f"{text}\n\n{_next_step(delta)}\n"


def render_text(delta: Delta) -> str:
    """For terminals, a line a fact."""
    lines = [f"! {shared.kind} {printable(shared.path)} {shared.change}" for shared in delta.shared]
    for change in delta.distributions:
        lines.append(f"{_sign(change)} {change.name} {_versions(change)} ({_MARKS[change.kind]}{_was(change)})")
        lines += [f"    {line}" for field in _all(change) for line in _plain(field)]
        lines += [
            f"    {build.platform}: {_build(build.kind)}{_size(build.size_before, build.size_after)}"
            for build in change.builds
            if build.kind is not BuildKind.SAME and change.kind is not ChangeKind.UNUSABLE
        ]
    return "\n".join(lines)


def summary(delta: Delta) -> str:
    """One line."""
    counts = [
        f"{number} {word}"
        for kind, word in _MARKS.items()
        if (number := sum(change.kind is kind for change in delta.distributions))
    ]
    new = sum(build.kind is BuildKind.NEW for change in delta.distributions for build in change.builds)
    reused = sum(build.kind is BuildKind.REUSED for change in delta.distributions for build in change.builds)
    told = ", ".join(counts) or "no distribution changes"
    return f"{told}; {new} to build, {reused} there already, {delta.unchanged} distributions unchanged"


def _headline(delta: Delta) -> str:
    errors = sum(problem.severity == "error" for problem in delta.problems)
    verdict = f"**{errors} error{'s' if errors != 1 else ''}**" if errors else "No errors"
    return f"### Plan\n\n{verdict}. {summary(delta).capitalize()}."


def _allowed(delta: Delta) -> str:
    if not delta.shared:
        return ""
    lines = [
        f"- {shared.kind if shared.kind in {'Policy', 'Defaults', 'Library'} else 'File'} {code(shared.path)} "
        f"{shared.change if shared.change in {'added', 'removed', 'changed'} else ''}"
        for shared in delta.shared[:_MOST_ITEMS]
    ]
    policy = any(shared.kind == "Policy" for shared in delta.shared)
    title = "**This changes what is allowed.**" if policy else "**This changes what several distributions share.**"
    return "\n".join([title, "", *lines])


def _problems(problems: Sequence[Problem]) -> str:
    if not problems:
        return ""
    order = {"error": 0, "warning": 1, "hint": 2}
    ranked = sorted(problems, key=lambda problem: (order.get(problem.severity, 3), not problem.new))
    lines = ["| | Where | Rule | What |", "|---|---|---|---|"]
    for problem in ranked[:_MOST_ITEMS]:
        where = f"{problem.path}:{problem.line}:{problem.column}" if problem.line else problem.path
        weight = problem.severity if problem.severity in order else "problem"
        old = "" if problem.new else " (as before)"
        lines.append(f"| {weight}{old} | {code(where)} | {code(problem.rule)} | {code(problem.message)} |")
    if len(ranked) > _MOST_ITEMS:
        lines += ["", f"_{len(ranked) - _MOST_ITEMS} more problems not shown._"]
    return "\n".join(lines)


def _table(delta: Delta) -> str:
    if not delta.distributions:
        return ""
    lines = ["| Distribution | Change | Version | New | Reused | Same | Gone |", "|---|---|---|---|---|---|---|"]
    for change in delta.distributions[:_MOST_ITEMS]:
        counts = [
            str(sum(build.kind is kind for build in change.builds))
            for kind in (BuildKind.NEW, BuildKind.REUSED, BuildKind.SAME, BuildKind.GONE)
        ]
        version = code(_versions(change))
        lines.append(f"| {code(change.name)} | {_MARKS[change.kind]} | {version} | {' | '.join(counts)} |")
    return "\n".join(lines)


def _section(change: DistributionChange) -> str:
    lines = [f"<details><summary>{_MARKS[change.kind]}: <code>{_html(change.name)}</code></summary>", ""]
    lines.append(f"Manifest {code(change.path)}")
    if change.renamed_from:
        lines.append(f"- renamed from {code(change.renamed_from)}")
    for field in _all(change):
        lines += _markdown(field)
    if not change.known_contents and change.kind is not ChangeKind.REMOVED:
        lines.append("- components and licences: not compared")
    for build in change.builds if change.kind is not ChangeKind.UNUSABLE else ():
        id_ = f" {code(build.build[:12])}" if build.build else ""
        lines.append(f"- {code(build.platform)}: {_build(build.kind)}{id_}{_size(build.size_before, build.size_after)}")
    return "\n".join([*lines, "", "</details>"])


def _all(change: DistributionChange) -> Iterator[FieldChange]:
    yield from change.fields
    if change.known_contents:
        yield from (field for field in (change.components, change.licenses) if field.added or field.removed)


def _markdown(field: FieldChange) -> list[str]:
    if not field.added and not field.removed:
        return [f"- {code(field.field)}: {code(field.before)} → {code(field.after)}"]
    items = [f"+ {code(item)}" for item in field.added] + [f"- {code(item)}" for item in field.removed]
    more = [f"and {len(items) - _MOST_ITEMS} more"] if len(items) > _MOST_ITEMS else []
    return [f"- {code(field.field)}: {', '.join([*items[:_MOST_ITEMS], *more])}"]


def _plain(field: FieldChange) -> list[str]:
    if not field.added and not field.removed:
        return [printable(f"{field.field}: {field.before or '(none)'} → {field.after or '(none)'}")]
    items = [f"+{item}" for item in field.added] + [f"-{item}" for item in field.removed]
    more = [f"and {len(items) - _MOST_ITEMS} more"] if len(items) > _MOST_ITEMS else []
    return [printable(f"{field.field}: {' '.join([*items[:_MOST_ITEMS], *more])}")]


def _next_step(delta: Delta) -> str:
    if not delta.valid:
        return "Next: mend the errors; `wombat explain` with a rule's id tells more about it."
    if delta.distributions or delta.shared:
        return "Next: review what changes above; merging it starts the builds."
    return "Nothing is built for this change."


def _versions(change: DistributionChange) -> str:
    if change.version_before and change.version_after and change.version_before != change.version_after:
        return f"{change.version_before} → {change.version_after}"
    return change.version_after or change.version_before


def _build(kind: BuildKind) -> str:
    return {
        BuildKind.NEW: "to be built",
        BuildKind.REUSED: "another build, there already",
        BuildKind.SAME: "unchanged",
        BuildKind.GONE: "no longer built",
        BuildKind.HELD: "not built",
    }[kind]


def _size(before: int, after: int) -> str:
    if before and after:
        return f", {before / 1e6:.1f} MB → {after / 1e6:.1f} MB"
    return f", {(before or after) / 1e6:.1f} MB {'so far' if before else ''}".rstrip() if before or after else ""


def _sign(change: DistributionChange) -> str:
    return {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.UNUSABLE: "!"}.get(change.kind, "~")


def _was(change: DistributionChange) -> str:
    return f", was {change.renamed_from}" if change.renamed_from else ""


def _html(text: str) -> str:
    plain = printable(text[:_LONGEST])
    return "".join(
        f"&#{ord(character)};" if not character.isalnum() and character != "-" else character for character in plain
    )
