"""Running the pipelines that a manifest gives as tests, with the program that was just built."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain import gofailure
from wombat_gitops.domain.errors import InternalError, OverLimit, SandboxFailed, TimedOut
from wombat_gitops.domain.records import Failure, FailureKind, Step, StepFailed

if TYPE_CHECKING:
    from wombat_gitops.adapters.golang.program import BuiltProgram
    from wombat_gitops.adapters.process import Captured
    from wombat_gitops.domain.model import BuildSpec, PipelineTest
    from wombat_gitops.ports import Output

TEST_SECONDS: Final = 30.0
"""For one pipeline; one that reads standard input ends in parts of a second."""

_OUTPUT_LIMIT: Final = 1024 * 1024
_CONFIG: Final = "pipeline.yaml"


async def run_tests(spec: BuildSpec, program: BuiltProgram, output: Output) -> None:
    """Run every test of a spec, each in a sandbox of its own, and stop at the first that fails.

    Raises:
        StepFailed: a pipeline ended badly, did not end, took more than it may, or wrote something else.
    """
    for test in spec.tests:
        await output.write(f"test {test.name}\n".encode())
        await _run(spec, test, program)


async def _run(spec: BuildSpec, test: PipelineTest, program: BuiltProgram) -> None:
    words = ["run", "--log.level", "error", "--set", "http.enabled=false", _CONFIG]
    try:
        answer = await program.run(
            words,
            seconds=TEST_SECONDS,
            limit=_OUTPUT_LIMIT,
            stdin=test.input.encode(),
            files={_CONFIG: test.config},
        )
    except OverLimit as error:
        raise StepFailed(gofailure.over_limit(error, "", Step.SMOKE)) from error
    except TimedOut as error:
        message = f"test `{test.name}` did not end within {TEST_SECONDS:.0f} s"
        hint = "its pipeline has to end by itself, as one that reads standard input does"
        raise _failed(message, "", hint) from error
    except SandboxFailed:
        raise
    except InternalError as error:
        message = f"test `{test.name}` wrote more than {_OUTPUT_LIMIT:,} bytes of output"
        hint = "its pipeline has to end by itself and to write little"
        raise StepFailed(Failure(FailureKind.USER, "LogLimit", message, Step.SMOKE, "", hint)) from error
    if answer.status:
        message = f"test `{test.name}` ended with status {answer.status}"
        raise _failed(message, _text(answer), f"try it: `{spec.binary_name} run pipeline.yaml`")
    written = answer.stdout.decode(errors="replace").rstrip("\r\n")
    wanted = test.expect.rstrip("\r\n")
    if wanted and written != wanted:
        lines = difflib.unified_diff(wanted.splitlines(), written.splitlines(), "expected", "written", lineterm="")
        message = f"test `{test.name}` wrote something else"
        raise _failed(message, "\n".join(lines), "mend the test or the packages")


def _text(answer: Captured) -> str:
    return (answer.stderr + answer.stdout).decode(errors="replace")


def _failed(message: str, text: str, hint: str) -> StepFailed:
    tail = gofailure.tail_of(text)
    return StepFailed(Failure(FailureKind.USER, "TestFailed", message, Step.SMOKE, "", hint, tail))
