"""Getting the source of modules into the module cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wombat_gitops.adapters.golang.answers import json_values
from wombat_gitops.adapters.process import capture
from wombat_gitops.domain import gofailure
from wombat_gitops.domain.errors import TimedOut
from wombat_gitops.domain.gosource import exact
from wombat_gitops.domain.model import Module
from wombat_gitops.domain.records import Step, StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.adapters.golang.toolchain import Toolchain
    from wombat_gitops.ports import Output

_SECONDS: Final = 900.0


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A module in the module cache: its extracted folder, and its go.mod as the proxy has it."""

    folder: Path
    go_mod: Path


async def download_modules(
    toolchain: Toolchain, modules: Iterable[Module], *, cwd: Path, env: Mapping[str, str], output: Output
) -> dict[Module, Downloaded]:
    """Have Go download and verify modules; it answers at once for those that are there.

    Args:
        cwd: a folder with a go.mod.

    Raises:
        Refused: a module has a path or a version that is none.
        StepFailed: one cannot be had; of kind transient where the module proxy does not answer.
    """
    wanted = sorted({exact(module).replace(" ", "@") for module in modules})
    await output.write(f"$ go mod download {' '.join(wanted)}\n".encode())
    try:
        answer = await capture([toolchain.go, "mod", "download", "-json", *wanted], cwd=cwd, env=env, seconds=_SECONDS)
    except TimedOut as error:
        raise StepFailed(gofailure.timed_out("", Step.FETCH, _SECONDS)) from error
    reports = json_values(answer.stdout.decode(errors="replace"))
    errors = [str(report["Error"]) for report in reports if report.get("Error")]
    if answer.status or errors:
        text = "\n".join([*errors, answer.stderr.decode(errors="replace")])
        raise StepFailed(gofailure.classify(text, step=Step.FETCH, status=answer.status or 1))
    return dict(map(_downloaded, reports))


def _downloaded(report: Mapping[str, Any]) -> tuple[Module, Downloaded]:
    module = Module(str(report["Path"]), str(report["Version"]))
    return module, Downloaded(Path(str(report["Dir"])), Path(str(report["GoMod"])))
