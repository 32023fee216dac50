"""What `wombat explain` shows is right: every example is read as what it is, and has nothing wrong with it."""

from __future__ import annotations

import re

import pytest
import yaml

from wombat_gitops.cli.main import app
from wombat_gitops.domain.gomod import read_go_mod
from wombat_gitops.domain.manifest import read_all
from wombat_gitops.domain.manifest.rules import RULES, Rule

HEADS = {
    "Distribution": {
        "apiVersion": "wombat/v1",
        "kind": "Distribution",
        "name": "tiny",
        "version": "1.0.0",
        "benthos": "v4.76.0",
        "packages": "[pure, io]",
    },
    "Policy": {"apiVersion": "wombat/v1", "kind": "Policy", "name": "tiny"},
    "Defaults": {"apiVersion": "wombat/v1", "kind": "Defaults"},
}
LIBRARIES = {
    f"manifests/{name}.yaml": f"apiVersion: wombat/v1\nkind: Library\nname: {name}\npackages: [pure]\n".encode()
    for name in ("streaming", "storage")
}
COMMANDS = {"WOM-050", "WOM-051", "WOM-054", "WOM-058", "WOM-059"}
MODULE_FILES = {"WOM-052", "WOM-053"}
PATHS = {"WOM-042", "WOM-043", "WOM-044", "WOM-045"}
PIPELINES = {"WOM-110", "WOM-111", "WOM-112"}
PIECES = sorted(set(RULES) - COMMANDS - MODULE_FILES - PATHS - PIPELINES)


def whole(rule: Rule) -> tuple[str, bytes]:
    """The manifest that an example is a piece of, with the least around it."""
    given = yaml.safe_load(rule.example)
    kind = given.get("kind") or ("Policy" if "# in a Policy" in rule.example else "Distribution")
    head = "".join(f"{name}: {value}\n" for name, value in HEADS[kind].items() if name not in given)
    return f"manifests/{given.get('name', 'tiny')}.yaml", f"{head}{rule.example}\n".encode()


@pytest.mark.parametrize("rule", [RULES[name] for name in PIECES], ids=PIECES)
def test_an_example_is_a_piece_of_a_good_manifest(rule: Rule) -> None:
    """It breaks no rule, not even with a warning."""
    path, data = whole(rule)
    found = read_all({path: data, **LIBRARIES})
    assert found.diagnostics == ()
    assert found.readings or b"kind: Distribution" not in data


@pytest.mark.parametrize("rule", [RULES[name] for name in sorted(COMMANDS)], ids=sorted(COMMANDS))
def test_an_example_of_a_command_is_one(rule: Rule) -> None:
    """Its first line is a command of ours."""
    match = re.match(r"wombat ([a-z-]+) ", rule.example)
    assert match is not None
    assert match[1] in {
        command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands
    }


@pytest.mark.parametrize("name", sorted(MODULE_FILES))
def test_an_example_of_a_module_file_is_read(name: str) -> None:
    """It is a line of a lock's go.mod."""
    assert read_go_mod(f"module distribution\n\ngo 1.26.0\n\n{RULES[name].example}\n").direct


@pytest.mark.parametrize("name", sorted(PATHS))
def test_an_example_of_a_path_is_plain(name: str) -> None:
    """Lower-case letters, and nothing that leads anywhere else."""
    assert re.fullmatch(r"[a-z]+/[a-z]+\.yaml", RULES[name].example)
