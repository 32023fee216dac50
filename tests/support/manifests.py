"""The corpus of manifests, good and bad, and builders of small ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.examination import examine
from wombat_gitops.domain.lock import lock_paths
from wombat_gitops.domain.manifest import read_all
from wombat_gitops.domain.manifest.render import render_text
from wombat_gitops.domain.model import Lock
from wombat_gitops.domain.pipeline import read_pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.domain.diagnostics import Diagnostic

CORPUS = Path(__file__).parents[1] / "manifests"
CORE = "github.com/redpanda-data/benthos/v4"

SMALL = """\
apiVersion: wombat/v1
kind: Distribution
name: example
version: 1.0.0
benthos: v4.76.0
packages: [pure, io]
"""

GO_MOD = f"module distribution\n\ngo 1.26.4\n\nrequire {CORE} v4.76.0\n"
GO_SUM = f"{CORE} v4.76.0 h1:{'A' * 43}=\n{CORE} v4.76.0/go.mod h1:{'B' * 42}A=\n"
LOCK = Lock(GO_MOD, GO_SUM)

COMPONENTS = frozenset(
    Component(kind, name)
    for kind, name in (("input", "stdin"), ("input", "kafka"), ("output", "stdout"), ("processor", "mapping"))
)
"""What packages register, for the cases that are pipelines."""

GENERATED = {
    "WOM-001-too-large": (SMALL + "# padding\n" * 30_000).encode(),
    "WOM-014-too-many-values": f"{SMALL}tags: [{'a,' * 10_001}]\n".encode(),
    "WOM-017-too-many-problems": (SMALL + "".join(f"field{n}: 1\n" for n in range(150))).encode(),
}
"""Files that would be too long to keep."""


def corpus() -> dict[str, dict[str, bytes]]:
    """Every invalid case: its name, and its files by the path they are presented under."""
    cases = {name: {"manifests/example.yaml": data} for name, data in GENERATED.items()}
    for path in sorted((CORPUS / "invalid").iterdir()):
        if path.suffix == ".yaml":
            cases[path.stem] = {"manifests/example.yaml": path.read_bytes()}
        elif path.is_dir():
            files = [file for file in sorted(path.rglob("*")) if file.is_file()]
            cases[path.name] = {f"manifests/{file.relative_to(path).as_posix()}": file.read_bytes() for file in files}
    return cases


def diagnose(files: Mapping[str, bytes]) -> list[Diagnostic]:
    """Every problem of some manifests and of their locks; files named `pipeline.yaml` are pipelines."""
    pipelines = {path: data for path, data in files.items() if path.endswith("/pipeline.yaml")}
    found = read_all({path: data for path, data in files.items() if path.endswith(".yaml") and path not in pipelines})
    problems = [*found.diagnostics]
    for path, data in pipelines.items():
        problems += read_pipeline(path, data, COMPONENTS).diagnostics
    for distribution in found.distributions:
        go_mod, go_sum = lock_paths(distribution.path)
        reading = found.readings[distribution.path]
        problems += examine(reading, distribution, files.get(go_mod), files.get(go_sum))[1]
    return sorted(problems)


def picture(name: str, problems: Iterable[Diagnostic]) -> str:
    """What a person sees of a case; locks count only where the case is about them."""
    about_locks = name.startswith("WOM-05")
    return render_text([problem for problem in problems if about_locks or not problem.rule.startswith("WOM-05")])


def kept_picture(name: str) -> str:
    """What a person has to see of a case, as it was reviewed."""
    return (CORPUS / "invalid" / f"{name}.txt").read_text()
