"""Checking a finished binary: by what it carries, and where this machine can run it, by what it answers."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.golang.environment import write_telemetry_mode
from wombat_gitops.adapters.golang.toolchain import host_platform
from wombat_gitops.domain import gofailure
from wombat_gitops.domain.contents import LISTED_KINDS, Component
from wombat_gitops.domain.errors import CorruptData, InternalError, OverLimit, SandboxFailed, TimedOut
from wombat_gitops.domain.gosource import mismatches, parse_build_info
from wombat_gitops.domain.identity import check_inputs, utc_text
from wombat_gitops.domain.model import Lock
from wombat_gitops.domain.records import Failure, FailureKind, Step, StepFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from wombat_gitops.adapters.golang.program import BuiltProgram
    from wombat_gitops.adapters.golang.toolchain import Toolchain
    from wombat_gitops.adapters.process import Captured
    from wombat_gitops.domain.contents import Contents, PackageContents
    from wombat_gitops.domain.model import BuildSpec
    from wombat_gitops.domain.platforms import Platform
    from wombat_gitops.ports import Output

INSPECT_SECONDS: Final = 30.0
"""Reading the build information takes 10 ms."""

RUN_SECONDS: Final = 20.0
"""Each answer of a real distribution takes 50 ms; what takes longer than this does not end."""

_OUTPUT_LIMIT: Final = 4 * 1024 * 1024
_TOO_LARGE: Final = "file too large"
"""What the system answers who writes on behind the limit."""
_VARIANTS_THAT_RUN: Final = {("amd64", ""), ("arm64", ""), ("386", "")}
_FRAME: Final = re.compile(r"^(?P<package>(?:[a-z0-9-]+\.)+[a-z]+/[^\s(]*?)\.[^./\s(]+(?:\.\d+)?\(", re.MULTILINE)


def can_run(platform: Platform) -> bool:
    """Whether this machine surely runs binaries of *platform*."""
    return (platform.os, platform.arch) == host_platform() and (platform.arch, platform.variant) in _VARIANTS_THAT_RUN


async def check_contents(
    spec: BuildSpec, program: BuiltProgram, source: Path, toolchain: Toolchain, output: Output
) -> None:
    """Compare the binary's build information, as the toolchain reads it, with spec and lock.

    Raises:
        StepFailed: it is not what was asked for.
    """
    lock = await asyncio.to_thread(_read_lock, source)
    check_inputs(spec, lock)
    answer = await answered("go version -m -json", build_information(program, toolchain), INSPECT_SECONDS)
    try:
        info = parse_build_info(answer.stdout)
    except CorruptData as error:
        raise _smoke_failure(error.message, answer) from error
    wrong = mismatches(info, spec, lock.go_mod, lock.go_sum)
    if wrong:
        msg = f"the binary is not what was asked for: {'; '.join(wrong)}"
        raise _smoke_failure(msg, answer)
    await output.write(f"{info.go_version} {spec.platform}, {len(info.deps)} modules as locked\n".encode())


async def build_information(program: BuiltProgram, toolchain: Toolchain) -> Captured:
    """What `go version -m -json` says of a program.

    The trusted toolchain is asked: a search for the information itself finds what a hostile module has put there.
    """
    place = program.place / "information"
    try:
        enclosure = await program.sandbox.enclosure(place)
        # Go's telemetry, where nothing ends it, writes below its home while that is being removed.
        await asyncio.to_thread(write_telemetry_mode, place / ".config")
        go, file = enclosure.read(toolchain.root, "/go"), enclosure.read(program.file, "/file")
        env = {"GOENV": "off", "GOTOOLCHAIN": "local", "GOTELEMETRYDIR": "off", "HOME": enclosure.temporary}
        argv = [f"{go}/bin/go", "version", "-m", "-json", file]
        return await enclosure.capture(
            argv, cwd=enclosure.temporary, env=env, seconds=INSPECT_SECONDS, limit=_OUTPUT_LIMIT, limits=program.limits
        )
    finally:
        await asyncio.to_thread(remove_tree, place)


async def check_answers(spec: BuildSpec, program: BuiltProgram, contents: Contents, output: Output) -> None:
    """Run the binary: it must know its version and date, and hold a component of every package.

    Raises:
        StepFailed: it ends badly, does not end, takes more than it may, or answers something else.
    """
    version, listing = await ask(program, "--version"), await ask(program, "list", "--format", "json")
    await output.write(version.stdout[:_OUTPUT_LIMIT])
    wanted = [f"Version: {spec.version}", f"Date: {utc_text(spec.date)}"]
    lines = [line.strip() for line in version.stdout.decode(errors="replace").splitlines()]
    for line in wanted:
        if line not in lines:
            msg = f"`{spec.binary_name} --version` does not say `{line}`"
            raise _smoke_failure(msg, version)
    names = _names(listing)
    if not names:
        msg = f"`{spec.binary_name} list` names no component"
        raise _smoke_failure(msg, listing)
    found = {Component(kind, name) for key, kind in LISTED_KINDS.items() for name in names.get(key, ())}
    for package in contents.packages:
        await _check_package(package, found, output)
    text = ", ".join(f"{len(each)} {kind}" for kind, each in sorted(names.items()))
    await output.write(f"components: {text}\n".encode(errors="replace"))  # JSON knows halves of characters


async def _check_package(package: PackageContents, found: AbstractSet[Component], output: Output) -> None:
    """A package with constant names has added a component; whether it has added all is only logged.

    Programs do not list everything that they have: Benthos leaves deprecated Bloblang methods out.

    Raises:
        StepFailed: it has constant names only, and has added none of them.
    """
    added = found & set(package.components)
    if package.components and not added and not package.unnamed:
        raise _added_nothing(package)
    missing = [f"`{component}`" for component in package.components if component not in found]
    if missing:
        await output.write(f"{package.package}: the program does not list {', '.join(missing)}\n".encode())
    if package.unnamed:
        await output.write(
            f"{package.package}: names made at run time are not checked ({', '.join(package.unnamed)})\n".encode()
        )
    elif not package.components:
        await output.write(f"{package.package}: not known what it adds, so not looked for\n".encode())


def _added_nothing(package: PackageContents) -> StepFailed:
    expected = ", ".join(f"`{component}`" for component in (package.certain or package.components)[:3])
    message = f"package `{package.package}` added no component; {expected} was expected"
    hint = "it may register only under conditions that do not hold here: leave it out, or ask its owner"
    return StepFailed(Failure(FailureKind.USER, "SmokeFailed", message[:500], Step.SMOKE, package.package, hint))


def _read_lock(source: Path) -> Lock:
    return Lock((source / "go.mod").read_bytes().decode(), (source / "go.sum").read_bytes().decode())


def _names(listing: Captured) -> dict[str, list[str]]:
    try:
        value = json.loads(listing.stdout)
    except (ValueError, RecursionError) as error:
        msg = "the list of components is no JSON"
        raise _smoke_failure(msg, listing) from error
    if not isinstance(value, dict):
        return {}
    return {str(kind): [str(name) for name in names] for kind, names in value.items() if isinstance(names, list)}


async def ask(program: BuiltProgram, *words: str, most: int = _OUTPUT_LIMIT) -> Captured:
    """What a program answers to *words* within `RUN_SECONDS` and *most* bytes.

    Raises:
        StepFailed: it does not, or ends badly.
    """
    return await answered(" ".join(words), program.run(words, seconds=RUN_SECONDS, limit=most), RUN_SECONDS, most)


async def answered(command: str, run: Awaitable[Captured], seconds: float, most: int = _OUTPUT_LIMIT) -> Captured:
    """Wait for a program that answers within *seconds* and *most* bytes.

    Raises:
        StepFailed: it does not, or ends badly.
    """
    try:
        answer = await run
    except OverLimit as error:
        raise StepFailed(gofailure.over_limit(error, "", Step.SMOKE)) from error
    except TimedOut as error:
        raise StepFailed(gofailure.timed_out("", Step.SMOKE, seconds)) from error
    except SandboxFailed:
        raise
    except InternalError as error:
        message = f"`{command}` wrote more than {most:,} bytes of output"
        hint = "a package writes without end when the program starts: leave it out"
        raise StepFailed(Failure(FailureKind.USER, "LogLimit", message, Step.SMOKE, "", hint)) from error
    if answer.status:
        msg = f"`{command}` ended with status {answer.status}"
        raise _smoke_failure(msg, answer)
    return answer


def _smoke_failure(message: str, answer: Captured) -> StepFailed:
    text = answer.stderr.decode(errors="replace")
    panic = next((line for line in text.splitlines() if line.startswith(("panic:", "fatal error:"))), "")
    frame = _FRAME.search(text)
    culprit = frame["package"] if panic and frame else ""
    hint = "a package fails when the program starts: leave it out, or choose another version" if panic else ""
    if _TOO_LARGE in text:
        hint = "leave out the package that writes so much, or allow more (WOMBAT_OUTPUT)"
        return StepFailed(Failure(FailureKind.USER, "OutputLimit", message, Step.SMOKE, culprit, hint))
    whole = f"{message}: {panic}" if panic else message
    tail = gofailure.tail_of(text)
    return StepFailed(Failure(FailureKind.USER, "SmokeFailed", whole[:500], Step.SMOKE, culprit, hint, tail))
