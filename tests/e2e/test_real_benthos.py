"""The shipped `tiny` with the real Benthos: minutes of compiling, so only where asked for (`-m real`)."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.support.realbuild import TINY, TINY_LOCK, build_real, real_compiler
from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.domain.identity import digest
from wombat_gitops.domain.model import PipelineTest
from wombat_gitops.domain.records import StepFailed
from wombat_gitops.domain.reference import Reference, pack, unpack

COLD_SECONDS = 1500
SHOUTS = PipelineTest(
    "shouts",
    "input: {stdin: {}}\npipeline: {processors: [{mapping: 'root = content().uppercase()'}]}\noutput: {stdout: {}}\n",
    "hello\nworld\n",
    "HELLO\nWORLD",
)


GOOD = {"input": {"generate": {"count": 1, "mapping": "root = {}"}}, "output": {"drop": {}}}
BAD = {"input": {"generate": {"counting": 1}}}


def _check_reference(binary: Path, reference: Reference | None) -> None:
    """The real Benthos tells all its components, and a schema that knows a good configuration from a bad one."""
    assert reference is not None
    entries = {(entry.kind, entry.name): entry for entry in reference.entries}
    assert len(entries) > 100
    stdin, http = entries["input", "stdin"], entries["processor", "http"]
    assert {field.path for field in stdin.fields} >= {"scanner", "auto_replay_nacks"}
    assert stdin.package.endswith("/public/components/io")
    assert "tls.client_certs[].cert" in {field.path for field in http.fields}
    assert http.examples[0].config.startswith("pipeline:")
    assert entries["bloblang-method", "slice"].signature == ".slice(low, [high])"
    assert all(entry.summary for entry in reference.entries if not entry.kind.startswith("bloblang"))
    assert unpack(pack(reference)) == reference
    schema = jsonschema.Draft7Validator(json.loads(reference.config_schema))
    assert schema.is_valid(GOOD)
    assert not schema.is_valid(BAD)
    for config in (example.config for entry in reference.entries for example in entry.examples):
        parsed = yaml.safe_load(config) if not config.startswith("root") else None
        if isinstance(parsed, dict) and not schema.is_valid(parsed):
            argv = [str(binary), "lint", "/dev/stdin"]
            linted = subprocess.run(argv, input=config, text=True, capture_output=True, check=False)
            assert linted.returncode == 1, f"the program takes what its schema refuses:\n{config}"


@pytest.mark.real
@pytest.mark.timeout(COLD_SECONDS)
async def test_tiny_is_the_same_in_two_folders_with_empty_caches(tmp_path: Path) -> None:
    """Two cold builds give equal bytes, and the binary says what it is and what is in it."""
    first_data, second_data = tmp_path / "data", tmp_path / "other"
    second_data.mkdir()
    first = await build_real(await real_compiler(first_data), tmp_path / "one")
    (second_data / "mod").symlink_to(first_data / "mod")
    compiler = await real_compiler(second_data)
    second = await build_real(compiler, tmp_path / "a" / "second" / "folder", (SHOUTS,))

    assert digest(first.binary.read_bytes()) == digest(second.binary.read_bytes())
    assert first.spec.file_name == "tiny_1.0.0_linux_amd64"
    version = subprocess.run([first.binary, "--version"], capture_output=True, text=True, check=True).stdout
    assert version == f"Version: {TINY.version}\nDate: 1970-01-01T00:00:00Z\n"
    listing = subprocess.run([first.binary, "list", "--format", "json"], capture_output=True, text=True, check=True)
    components = json.loads(listing.stdout)
    assert {"stdin", "file", "http_server", "generate"} <= set(components["inputs"])
    assert {"mapping", "branch", "http"} <= set(components["processors"])
    assert "kafka" not in components["inputs"]
    assert TINY_LOCK.go_mod.startswith("module distribution\n")
    _check_reference(first.binary, first.reference)
    for wrong, message in (
        (replace(SHOUTS, expect="hello\nworld"), "test `shouts` wrote something else"),
        (replace(SHOUTS, config="input: {stdin: {}}\noutput: {nothing: {}}\n"), "test `shouts` ended with status 1"),
    ):
        with pytest.raises(StepFailed) as caught:
            await build_real(compiler, tmp_path / "third", (wrong,))
        assert (caught.value.failure.reason, caught.value.failure.message) == ("TestFailed", message)
        assert caught.value.failure.tail
    (second_data / "mod").unlink()
    remove_tree(first_data)
