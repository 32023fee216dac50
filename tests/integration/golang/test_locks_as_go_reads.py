"""Locks that are accepted say to Go what they say to us."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.fuzz.mutation import Mutator
from tests.support.manifests import GO_MOD
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.process import capture
from wombat_gitops.domain.gomod import GoMod, LockRefusal, read_go_mod
from wombat_gitops.domain.model import DEFAULT_TOOLCHAIN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.goproxy import GoProxy

WHOLE = f"""{GO_MOD}
require (
	github.com/c/d v1.0.0 // indirect
	github.com/e/f v0.0.0-20260131080000-0123456789ab // indirect; of c/d
)

replace github.com/c/d => github.com/g/h v1.2.3

exclude (
	github.com/e/f v0.1.0 // broken
)
"""


def our_words(found: GoMod) -> dict[str, Any]:
    return {
        "go": found.go,
        "require": {(each.path, each.version, False) for each in found.direct}
        | {(each.path, each.version, True) for each in found.indirect},
        "replace": {(each.path, each.version, each.by.path, each.by.version) for each in found.replaces},
        "exclude": {(each.path, each.version) for each in found.excludes},
    }


def go_words(found: dict[str, Any]) -> dict[str, Any]:
    assert {name for name, value in found.items() if value} <= {"Module", "Go", "Require", "Replace", "Exclude"}, found
    pairs = [(each["Old"], each["New"]) for each in found.get("Replace") or ()]
    return {
        "go": found["Go"],
        "require": {
            (each["Path"], each["Version"], each.get("Indirect", False)) for each in found.get("Require") or ()
        },
        "replace": {(old["Path"], old.get("Version", ""), new["Path"], new["Version"]) for old, new in pairs},
        "exclude": {(each["Path"], each["Version"]) for each in found.get("Exclude") or ()},
    }


async def test_what_is_accepted_is_what_go_reads(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """Whatever is changed in a lock: it is refused, by us or by Go, or it means the same to both."""
    toolchain = await Toolchains(go_data, "").locate(DEFAULT_TOOLCHAIN, go_proxy.environment)
    mutator = Mutator(1, [GO_MOD.encode(), WHOLE.encode()])
    texts = [WHOLE, *(mutator.next().decode(errors="replace") for _ in range(2_000))]
    compared = 0
    for text in dict.fromkeys(texts):
        try:
            ours = read_go_mod(text)
        except LockRefusal:
            continue
        (tmp_path / "go.mod").write_text(text, newline="")
        env = {**go_proxy.environment, "HOME": str(tmp_path), "GOTOOLCHAIN": "local"}
        told = await capture([toolchain.go, "mod", "edit", "-json"], cwd=tmp_path, env=env, seconds=60)
        if told.status == 0:
            compared += 1
            assert our_words(ours) == go_words(json.loads(told.stdout)), text
    assert compared > 50, compared
