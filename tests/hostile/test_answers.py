"""Programs that lie about themselves: their answers are other people's data, and no answer breaks the builder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.hostile.packages import orders_of, sandbox_at
from tests.integration.golang.support import Log, spec_of, tiny
from wombat_gitops.adapters.golang import smoke
from wombat_gitops.adapters.golang.program import BuiltProgram
from wombat_gitops.domain.contents import Component, Contents, PackageContents, Presence
from wombat_gitops.domain.identity import utc_text
from wombat_gitops.domain.records import StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.support.goproxy import GoProxy
    from wombat_gitops.adapters.process import Captured


@dataclass(frozen=True, slots=True)
class Liar(BuiltProgram):
    """The program of probes, that answers as it is ordered: to `--version`, and to all else."""

    version: tuple[Sequence[str], ...] = ()
    listing: tuple[Sequence[str], ...] = ()

    async def run(
        self,
        words: Sequence[str],
        *,
        seconds: float,
        limit: int,
        stdin: bytes | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Captured:
        lines = self.version if words[0] == "--version" else self.listing
        orders = orders_of(*lines, ("end", "exit", "0"))
        return await BuiltProgram.run(self, words, seconds=seconds, limit=limit, stdin=stdin, files=orders)


def said(text: str) -> tuple[str, str, str]:
    """The order to say a text; JSON's strings are Go's here."""
    return ("say", "say", json.dumps(text))


@dataclass(frozen=True)
class Asked:
    """What a smoke test of one liar has come to."""

    log: str
    problem: str
    reason: str


async def asked(
    proxy: GoProxy, probes: Path, place: Path, *, version: Sequence[str] | None = None, listing: Sequence[str]
) -> Asked:
    """Check a program's answers as a build does."""
    wanted, lock = tiny(proxy)
    spec = spec_of(wanted, lock)
    right = said(f"Version: {spec.version}\nDate: {utc_text(spec.date)}\n")
    liar = Liar(probes, place, sandbox_at(None), version=(version or right,), listing=(listing,))
    package = PackageContents("x.example/bad", "x.example", Presence.PRESENT, components=(Component("input", "bad"),))
    log = Log()
    try:
        await smoke.check_answers(spec, liar, Contents((package,), ()), log)
    except StepFailed as failed:
        return Asked(log.data.decode(errors="replace"), failed.failure.message, failed.failure.reason)
    return Asked(log.data.decode(errors="replace"), "", "")


@pytest.mark.parametrize(
    ("listing", "problem"),
    [
        (("say", "say-deep", "[", "400000"), "is no JSON"),
        (("say", "say-deep", '{"a":', "400000"), "is no JSON"),
        (("say", "say-deep", "9", "100000"), "is no JSON"),
        (said('{"inputs":'), "is no JSON"),
        (said("[1]"), "names no component"),
        (said('{"inputs":{"bad":1},"outputs":"bad"}'), "names no component"),
        (said('{"inputs":["other", null, 1e999, {"bad": []}]}'), "added no component"),
        (("say", "exit", "3"), "ended with status 3"),
        (("say", "die", "9"), "ended with status"),
        (("say", "die", "11"), "ended with status"),
    ],
    ids=[
        "deep list",
        "deep object",
        "long number",
        "half",
        "list",
        "other types",
        "odd names",
        "exit",
        "kill",
        "fault",
    ],
)
async def test_a_lying_list_fails_the_smoke_test(
    go_proxy: GoProxy, probes: Path, tmp_path: Path, listing: Sequence[str], problem: str
) -> None:
    """The build fails with a reason for its author; it is no defect of ours."""
    found = await asked(go_proxy, probes, tmp_path / "place", listing=listing)

    assert problem in found.problem
    assert found.reason == "SmokeFailed"


async def test_half_a_character_in_a_list_is_printed_as_something_else(
    go_proxy: GoProxy, probes: Path, tmp_path: Path
) -> None:
    """JSON can say it, and UTF-8 cannot."""
    lie = said('{"inputs":["bad"],"\\ud800":["x"],"\\u001b[2J":["y"]}')

    found = await asked(go_proxy, probes, tmp_path / "place", listing=lie)

    assert found.problem == ""
    assert "1 inputs" in found.log


@pytest.mark.parametrize("text", ["", "Version: 9.9.9\n", "\x1b[2JVersion: 1.0.1\x07\n", "\x00\x00\x00"])
async def test_a_lying_version_fails_the_smoke_test(go_proxy: GoProxy, probes: Path, tmp_path: Path, text: str) -> None:
    """Only the very line counts, whatever else is around it."""
    good = said('{"inputs":["bad"]}')

    found = await asked(go_proxy, probes, tmp_path / "place", version=said(text), listing=good)

    assert "does not say `Version: 1.0.0`" in found.problem
