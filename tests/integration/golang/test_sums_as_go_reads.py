"""What Go does with a go.sum that it would not have written, beside what is reported of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.process import capture
from wombat_gitops.domain.gosum import read_go_sum
from wombat_gitops.domain.model import DEFAULT_TOOLCHAIN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.goproxy import GoProxy

ZERO = f"h1:{'A' * 43}="
READS, REFUSES, NEEDS = "reads", "refuses", "needs another line"


async def test_a_go_sum_was_taken_that_go_takes_only_by_luck(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """Go does not see a contradiction where the right digest is first; whatever it refuses is reported here too.

    `go list -deps` is what checks digests. `go mod verify` compares with the module cache and sees none of it, and
    neither it nor `go list -mod=mod` takes away a repeated line, so that one is a warning.
    """
    module = go_proxy.add("a.b/c", "v1.0.0", {"c.go": "package c\n"})
    content, own = go_proxy.lock([module]).go_sum.splitlines()
    named, own_named = content.rpartition(" ")[0], own.rpartition(" ")[0]
    cases = {
        f"{content}\n{own}\n": (READS, ""),
        f"{own}\n{content}\n": (READS, ""),
        f"{content}\n\n{own}": (READS, ""),
        f"{content}\n{own}\nx.y/z v9.0.0 {ZERO}\n": (READS, ""),
        f"{content}\n{content}\n{own}\n": (READS, "WOM-059"),
        f"{content}\n{own}\n{own}\n": (READS, "WOM-059"),
        f"{content}\n{named} {ZERO}\n{own}\n": (READS, "WOM-058"),
        f"{named} {ZERO}\n{content}\n{own}\n": (REFUSES, "WOM-058"),
        f"{content}\n{own}\n{own_named} {ZERO}\n": (READS, "WOM-058"),
        f"{content}\n{own}\nx.y/z v9.0.0 {ZERO}\nx.y/z v9.0.0 {content.rpartition(' ')[2]}\n": (READS, "WOM-058"),
        f"{named} h1:short\n{own}\n": (REFUSES, "WOM-051"),
        f"{named} h2:short\n{own}\n": (NEEDS, "WOM-051"),
        f"{content}\n{named} h2:short\n{own}\n": (READS, "WOM-051"),
        f"{content}\n{own}\n{named}\n": (REFUSES, "WOM-051"),
        f"{content} x\n{own}\n": (REFUSES, "WOM-051"),
        f"{named.replace(' ', '  ')} {content.rpartition(' ')[2]}\n{own}\n": (READS, "WOM-051"),
    }
    toolchain = await Toolchains(go_data, "").locate(DEFAULT_TOOLCHAIN, go_proxy.environment)
    (tmp_path / "go.mod").write_text("module distribution\n\ngo 1.21\n\nrequire a.b/c v1.0.0\n")
    (tmp_path / "main.go").write_text('package main\n\nimport _ "a.b/c"\n\nfunc main() {}\n')
    env = go_proxy.shell_environment(tmp_path) | {"GOFLAGS": "-modcacherw"}

    async def run(*arguments: str) -> tuple[bool, str]:
        done = await capture([toolchain.go, *arguments], cwd=tmp_path, env=env, seconds=60)
        return done.status == 0, done.stderr.decode()

    for text, (expected, rule) in cases.items():
        (tmp_path / "go.sum").write_text(text)
        taken, told = await run("list", "-mod=readonly", "-deps", ".")
        found = READS if taken else NEEDS if "missing go.sum entry" in told else REFUSES
        assert (found, text) == (expected, text), told
        assert {problem.rule.id for problem in read_go_sum(text).problems} == ({rule} if rule else set()), text
        if taken:
            assert (await run("mod", "verify"))[0], text
            assert (await run("list", "-mod=mod", "-deps", "."))[0], text
            assert (tmp_path / "go.sum").read_text() == text, "Go wrote it anew"
