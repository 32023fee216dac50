"""The list of sources: what is read, and what is told of what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wombat_gitops.domain.sources import Host, SourceEntry, read_sources, render_sources_schema

HEAD = "apiVersion: wombat/v1\nkind: Sources\nsources:\n"
SCHEMAS = Path(__file__).parents[3] / "schemas"


def test_everything_is_read() -> None:
    """Each field has its value, times are seconds, secrets are only named."""
    reading = read_sources(
        "sources.yaml",
        f"""{HEAD}
- url: https://git.example.invalid/team/catalogue.git
  branch: release
  folder: builds
  interval: 5m
  credentials: {{user: robot, password: {{env: GIT_PASSWORD}}}}
  verify: {{ssh: {{allowed_signers: keys/allowed, revoked: keys/revoked}}}}
  status: {{host: gitea, token: {{file: /run/token}}, context: wombat/release}}
  webhook: {{host: gitea, secret: {{env: HOOK_SECRET}}}}
- url: .
""".encode(),
    )

    assert reading.diagnostics == ()
    first, second = reading.entries
    assert (first.branch, first.folder, first.interval) == ("release", "builds", 300.0)
    assert first.verify is not None
    assert first.verify.ssh is not None
    assert first.verify.ssh.revoked == "keys/revoked"
    assert first.status is not None
    assert (first.status.host, first.status.token.file) == (Host.GITEA, "/run/token")
    assert second == SourceEntry(url=".")


@pytest.mark.parametrize(
    ("text", "place", "rule", "words"),
    [
        ("- {}", (4, 3), "WOM-024", "field `url` is missing"),
        ("- url: x\n  brnach: y", (5, 3), "WOM-023", "there is no field `brnach`"),
        ("- url: x\n  interval: soon", (5, 13), "WOM-026", "write a time such as `30s`"),
        ("- url: x\n  interval: 0s", (5, 13), "WOM-026", "greater than or equal to 1"),
        ("- url: [x]", (4, 8), "WOM-025", "this must be a text"),
        ("- url: x\n  webhook: {secret: hunter2}", (5, 21), "WOM-025", "this must be a map of fields"),
        ("- url: x\n  webhook: {secret: {env: A, file: b}}", (5, 21), "WOM-026", "name either a `file`"),
        ("- url: x\n  verify: {}", (5, 11), "WOM-026", "name either `ssh` or `gpg`"),
        ("- url: x\n  status: {host: sourcehut, token: {env: A}}", (5, 18), "WOM-026", "`github`, `gitlab` or `gitea`"),
        ("- url: x\n  status: {api: ftp://x, token: {env: A}}", (5, 17), "WOM-026", "pattern"),
        ("- url: x\n  url: y", (5, 3), "WOM-009", "already set"),
        ("- &x {url: *x}", (4, 3), "WOM-010", "anchor"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(text: str, place: tuple[int, int], rule: str, words: str) -> None:
    """Every problem has a place, a rule and words; then nothing is used."""
    reading = read_sources("sources.yaml", f"{HEAD}{text}\n".encode())

    assert reading.entries == ()
    first = reading.diagnostics[0]
    assert ((first.line, first.column), first.rule) == (place, rule)
    assert words in first.message


@pytest.mark.parametrize(("text", "wanted"), [("", False), ("alone: false\n", False), ("alone: true\n", True)])
def test_a_list_may_say_that_it_is_the_only_one(text: str, wanted: bool) -> None:
    """Which nobody takes for granted."""
    assert read_sources("s.yaml", f"{text}{HEAD}- url: .\n".encode()).alone is wanted


@pytest.mark.parametrize("value", ["yes", "1", "[true]"])
def test_only_true_and_false_are_answers(value: str) -> None:
    """Whoever writes something else hears of it."""
    (problem,) = read_sources("s.yaml", f"alone: {value}\n{HEAD}- url: .\n".encode()).diagnostics
    assert (problem.line, problem.message) == (1, "this must be `true` or `false`")


def test_a_misspelt_field_is_recognised() -> None:
    """The nearest field of that place is proposed."""
    (problem,) = read_sources(
        "s.yaml", f"{HEAD}- url: x\n  status: {{tokn: x, token: {{env: A}}}}\n".encode()
    ).diagnostics

    assert problem.hint == "did you mean `token`?"


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"{HEAD}{text}".encode(errors="ignore")))
@settings(max_examples=200)
def test_nothing_breaks_the_reader(data: bytes) -> None:
    """Whatever the bytes are, there are entries or problems with places in the file."""
    reading = read_sources("sources.yaml", data)

    assert bool(reading.entries) != bool(reading.diagnostics)
    assert all(problem.line >= 0 for problem in reading.diagnostics)


def test_the_committed_schema_is_in_step() -> None:
    """`schemas/sources.schema.json` is what the reader takes."""
    assert (SCHEMAS / "sources.schema.json").read_text() == render_sources_schema()


def test_the_documented_example_is_read() -> None:
    """What docs/sources.md shows is a list of sources."""
    text = (SCHEMAS.parent / "docs" / "sources.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    reading = read_sources("sources.yaml", text.encode())

    assert reading.diagnostics == ()
    assert len(reading.entries) == 3
