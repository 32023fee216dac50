"""Names that Windows keeps for devices: no file there can be called `con`, `con.exe` or `con.yaml`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft7Validator

from tests.support.manifests import SMALL
from tests.unit.domain.test_identity import SPEC
from wombat_gitops.cli.main import run
from wombat_gitops.domain.errors import Refused, UserError
from wombat_gitops.domain.gosource import main_go
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.manifest.schema import manifest_schema
from wombat_gitops.domain.scaffold import Scaffold

if TYPE_CHECKING:
    from pathlib import Path

DEVICES = ["con", "prn", "aux", "nul", "com0", "com9", "lpt0", "lpt9"]
ODD = ["CON", "Nul", "con.exe", "CONIN$", "CONOUT$", "con.", "con ", "tiny.", "tiny ", "-tiny", "com¹"]


@pytest.mark.parametrize("name", [*DEVICES, *ODD])
def test_a_program_could_be_called_like_a_device(name: str) -> None:
    """It could be built, and on Windows neither saved nor started under its name."""
    text = f"{SMALL}binary: '{name}'\n"
    reading = read_manifest("manifests/example.yaml", text.encode())

    (problem,) = reading.diagnostics
    assert reading.distribution is None
    assert (problem.rule, problem.line, problem.column, problem.pointer) == ("WOM-026", 7, 9, "/binary")
    assert problem.message.startswith("`binary` cannot be ")
    assert problem.hint.startswith("write ")
    suggested = problem.hint.partition("`")[2].partition("`")[0]
    again = read_manifest("manifests/example.yaml", f"{SMALL}binary: {suggested}\n".encode())
    assert again.diagnostics == (), "what is suggested is refused too"


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "text",
    [
        SMALL,
        "apiVersion: wombat/v1\nkind: Library\nname: example\npackages: [pure]\n",
        "apiVersion: wombat/v1\nkind: Policy\nname: example\n",
    ],
    ids=["distribution", "library", "policy"],
)
def test_a_manifest_could_be_called_like_a_device(text: str, device: str) -> None:
    """Its file would have that name; an editor that knows the schema says so as well."""
    named = text.replace("example", device)
    (problem,) = read_manifest(f"manifests/{device}.yaml", named.encode()).diagnostics

    assert (problem.rule, problem.line, problem.pointer) == ("WOM-026", 3, "/name")
    assert problem.hint == (
        f"write another name, such as `{device}-1`: Windows keeps `{device}` for a device and has no such file"
    )
    fields = dict(line.split(": ") for line in named.splitlines())
    errors = [error for error in Draft7Validator(manifest_schema()).iter_errors(fields) if error.path]
    assert "name" in {error.path[0] for error in errors}


@pytest.mark.parametrize("name", ["console", "nul0", "com", "com10", "lpt", "aux-1", "pr-n"])
def test_a_name_that_begins_like_a_device_is_good(name: str) -> None:
    """Only the whole name is kept."""
    assert not read_manifest("manifests/example.yaml", f"{SMALL}binary: {name}\n".encode()).diagnostics


@pytest.mark.parametrize("field", ["name", "binary"])
def test_a_builder_could_be_asked_for_a_device(field: str) -> None:
    """Service and builder refuse it too, whoever asks."""
    with pytest.raises(Refused, match=f"^`spec.{field}` cannot be `nul`$") as refused:
        main_go(replace(SPEC, **{field: "nul"}))  # type: ignore[arg-type]
    assert refused.value.hint == "Windows keeps `nul` for a device; choose another name"


def test_a_repository_could_begin_with_a_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`wombat init` refuses it, and `wombat validate` names the place."""
    with pytest.raises(UserError, match="`con`"):
        Scaffold.parse("con", "v4.76.0", "wombat-gitops==1.2.3")
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "example.yaml").write_text(f"{SMALL}binary: con\n")
    monkeypatch.chdir(tmp_path)

    assert run(["validate"]) == 3
    told = capsys.readouterr().out
    assert "manifests/example.yaml:7:9: WOM-026 `binary` cannot be `con`" in told
    assert "Windows keeps `con` for a device" in told
