"""The shipped `tiny` with the real Benthos: minutes of compiling, so only where asked for (`-m real`)."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.realbuild import TINY, TINY_LOCK, build_real, real_compiler
from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.domain.identity import digest
from wombat_gitops.domain.lifecycle import StepFailed
from wombat_gitops.domain.model import PipelineTest

COLD_SECONDS = 1500
SHOUTS = PipelineTest(
    "shouts",
    "input: {stdin: {}}\npipeline: {processors: [{mapping: 'root = content().uppercase()'}]}\noutput: {stdout: {}}\n",
    "hello\nworld\n",
    "HELLO\nWORLD",
)


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
