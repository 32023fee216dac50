"""A delta for people: Markdown for pull requests, plain text for terminals.

Whoever opens a pull request chooses names, messages and paths. In Markdown each of their texts is inside a
code span, in which GitHub reads no markup, no mention and no link. However much they are, a text is no longer
than its limit: GitHub refuses a longer comment and drops a longer summary, without a word to whoever reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.delta import BuildKind, ChangeKind
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wombat_gitops.domain.delta import Delta, DistributionChange, Problem
    from wombat_gitops.domain.differences import FieldChange

MARKER: Final = "<!-- wombat-gitops:plan -->"
"""First line of the comment, by which it is found again."""

COMMENT_LIMIT: Final = 60_000
"""Bytes of a comment; GitHub takes 65,536 characters, and counts some of them twice."""

_RESERVE: Final = 1_000
"""Bytes kept for the end of the text."""
_LONGEST: Final = 200
_MOST_ITEMS: Final = 60
_BYTES_AN_ITEM: Final = 1_000
"""A list may have one item more for each of these bytes that the text may have."""
_MARKS: Final = {
    ChangeKind.ADDED: "added",
    ChangeKind.CHANGED: "changed",
    ChangeKind.RENAMED: "renamed",
    ChangeKind.REMOVED: "removed",
    ChangeKind.UNUSABLE: "cannot be used",
}
_WEIGHTS: Final = {"error": 0, "warning": 1, "hint": 2}
_KINDS: Final = frozenset({"Policy", "Defaults", "Library"})
_SHARED: Final = frozenset({"added", "changed", "removed"})


def code(text: str) -> str:
    """Untrusted text as a code span for a line or a table cell."""
    plain = " ".join(text.split()).replace("`", "'").replace("|", "¦").replace("\\", "/")
    plain = visible_line(plain)
    plain = plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
    return f"`{plain}`" if plain.strip() else "(none)"


def render_markdown(delta: Delta, *, limit: int = COMMENT_LIMIT, commit: str = "", rest: str = "") -> str:
    """The whole report, cut between lines and distributions where it would have more than *limit* bytes.

    Args:
        commit: id of the commit that it is about, where that is known from elsewhere than the delta.
        rest: address of the page that has the whole report, or "". Neither is escaped.
    """
    page = _Page(limit)
    page.add(f"{MARKER}\n\n### Plan{f' for `{commit[:12]}`' if commit else ''}")
    page.add(_headline(delta))
    page.add(_shared(delta, limit // 8))
    page.add(_problems(delta.problems, limit // 3))
    page.add(_table(delta, limit // 5))
    most = max(_MOST_ITEMS, limit // _BYTES_AN_ITEM)
    for index, change in enumerate(delta.distributions):
        if not page.add(_section(change, most)):
            page.add(_left_out(len(delta.distributions) - index, "distribution"))
            break
    page.end(_next_step(delta), f"The whole report is [the summary of the run]({rest})." if rest else "")
    return page.text


def render_text(delta: Delta) -> str:
    """For terminals, a line a fact."""
    lines = [f"! {shared.kind} {visible_line(shared.path)} {shared.change}" for shared in delta.shared]
    for change in delta.distributions:
        lines.append(f"{_sign(change)} {change.name} {_versions(change)} ({_MARKS[change.kind]}{_was(change)})")
        lines += [f"    {_plain(field)}" for field in _all(change)]
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
    told = ", ".join(counts) or "no distribution changes"
    new, reused = _count(delta, BuildKind.NEW), _count(delta, BuildKind.REUSED)
    builds = f"{new:,} to build{f', {reused:,} there already' if reused else ''}"
    return f"{told}; {builds}; {_plural(delta.unchanged, 'distribution')} unchanged"


class _Page:
    """A text of blocks, each of which is taken whole or not at all."""

    def __init__(self, limit: int) -> None:
        self._blocks = list[str]()
        self._left = limit - _RESERVE

    def add(self, block: str) -> bool:
        """Take a block where there is room for it; an empty one is none."""
        cost = _bytes(block) + 2 if block else 0
        if cost > self._left:
            return False
        self._left -= cost
        self._blocks += [block] if block else []
        return True

    def end(self, *sentences: str) -> None:
        """Take what always has room."""
        self._blocks.append(" ".join(filter(None, sentences)))

    @property
    def text(self) -> str:
        """All blocks, an empty line between them."""
        return "\n\n".join(self._blocks) + "\n"


def _headline(delta: Delta) -> str:
    errors = sum(problem.severity == "error" for problem in delta.problems)
    verdict = f"**{_plural(errors, 'error')}**" if errors else "No errors"
    told = summary(delta)
    return f"{verdict}. {told[:1].upper()}{told[1:]}."


def _shared(delta: Delta, limit: int) -> str:
    if not delta.shared:
        return ""
    policy = any(shared.kind == "Policy" for shared in delta.shared)
    title = "**This changes what is allowed.**" if policy else "**This changes what several distributions share.**"
    lines = (
        f"- {shared.kind if shared.kind in _KINDS else 'File'} {code(shared.path)} "
        f"{shared.change if shared.change in _SHARED else ''}"
        for shared in delta.shared
    )
    return _rows([title, ""], lines, limit, len(delta.shared), "file")


def _problems(problems: Sequence[Problem], limit: int) -> str:
    if not problems:
        return ""
    ranked = sorted(problems, key=lambda problem: (_WEIGHTS.get(problem.severity, len(_WEIGHTS)), not problem.new))
    return _rows(
        ["| | Where | Rule | What |", "|---|---|---|---|"], map(_problem, ranked), limit, len(ranked), "problem"
    )


def _problem(problem: Problem) -> str:
    where = f"{problem.path}:{problem.line}:{problem.column}" if problem.line else problem.path
    weight = problem.severity if problem.severity in _WEIGHTS else "problem"
    old = "" if problem.new else " (as before)"
    return f"| {weight}{old} | {code(where)} | {code(problem.rule)} | {code(problem.message)} |"


def _table(delta: Delta, limit: int) -> str:
    if not delta.distributions:
        return ""
    heads = ["| Distribution | Change | Version | New | Reused | Same | Gone |", "|---|---|---|--:|--:|--:|--:|"]
    return _rows(heads, map(_row, delta.distributions), limit, len(delta.distributions), "distribution")


def _row(change: DistributionChange) -> str:
    counts = (
        str(sum(build.kind is kind for build in change.builds))
        for kind in (BuildKind.NEW, BuildKind.REUSED, BuildKind.SAME, BuildKind.GONE)
    )
    return f"| {code(change.name)} | {_MARKS[change.kind]} | {code(_versions(change))} | {' | '.join(counts)} |"


def _rows(heads: Sequence[str], rows: Iterable[str], limit: int, number: int, noun: str) -> str:
    """Lines below some heads, as many as fit; the last line counts the others."""
    lines, left = list(heads), limit
    for shown, row in enumerate(rows):
        left -= _bytes(row) + 1
        if left < 0:
            return "\n".join([*lines, "", _left_out(number - shown, noun)])
        lines.append(row)
    return "\n".join(lines)


def _section(change: DistributionChange, most: int) -> str:
    lines = [f"<details><summary>{_MARKS[change.kind]}: <code>{_html(change.name)}</code></summary>", ""]
    lines += [f"Manifest {code(change.path)}", ""]
    lines += [f"- renamed from {code(change.renamed_from)}"] if change.renamed_from else []
    lines += [_markdown(field, most) for field in _all(change)]
    if not change.known_contents and change.kind is not ChangeKind.REMOVED:
        lines.append("- components and licences: not compared")
    lines += [
        f"- {code(build.platform)}: {_build(build.kind)}{_size(build.size_before, build.size_after)}"
        for build in (change.builds[:most] if change.kind is not ChangeKind.UNUSABLE else ())
    ]
    return "\n".join([*lines, "", "</details>"])


def _all(change: DistributionChange) -> Iterator[FieldChange]:
    yield from change.fields
    if change.known_contents:
        yield from (field for field in (change.components, change.licenses) if field.added or field.removed)


def _markdown(field: FieldChange, most: int) -> str:
    if not field.added and not field.removed:
        return f"- {code(field.field)}: {code(field.before)} → {code(field.after)}"
    parts = [
        f"{word} {', '.join(map(code, items[:most]))}{f' and {len(items) - most:,} more' if len(items) > most else ''}"
        for word, items in (("added", field.added), ("removed", field.removed))
        if items
    ]
    return f"- {code(field.field)}: {'; '.join(parts)}"


def _plain(field: FieldChange) -> str:
    if not field.added and not field.removed:
        return visible_line(f"{field.field}: {field.before or '(none)'} → {field.after or '(none)'}")
    items = [f"+{item}" for item in field.added] + [f"-{item}" for item in field.removed]
    more = [f"and {len(items) - _MOST_ITEMS} more"] if len(items) > _MOST_ITEMS else []
    return visible_line(f"{field.field}: {' '.join([*items[:_MOST_ITEMS], *more])}")


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
    """Sizes as far as they are known; of a report that anybody wrote, as far as they make sense."""
    one, other = (f"{size / 1e6:,.1f} MB" if 0 < size < _LARGEST else "" for size in (before, after))
    if one and other and before != after:
        return f", {one} → {other}"
    return f", {other}" if other else f", {one} so far" if one else ""


_LARGEST: Final = 1 << 50


def _count(delta: Delta, kind: BuildKind) -> int:
    return sum(build.kind is kind for change in delta.distributions for build in change.builds)


def _sign(change: DistributionChange) -> str:
    return {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.UNUSABLE: "!"}.get(change.kind, "~")


def _was(change: DistributionChange) -> str:
    return f", was {change.renamed_from}" if change.renamed_from else ""


def _left_out(number: int, noun: str) -> str:
    return f"_{_plural(number, f'more {noun}')} not shown._"


def _plural(number: int, noun: str) -> str:
    return f"{min(number, _LARGEST):,} {noun}{'' if number == 1 else 's'}"


def _bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


def _html(text: str) -> str:
    plain = visible_line(text[:_LONGEST])
    return "".join(
        f"&#{ord(character)};" if not character.isalnum() and character != "-" else character for character in plain
    )
