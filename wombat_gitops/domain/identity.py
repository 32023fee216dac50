"""The one place that turns inputs into ids. CLI, watcher, service, builder and CI all call it.

A build id is the SHA-256 of the canonical JSON (RFC 8785) of every input of the binary. A field that
holds its default is left out, so that a new optional field never changes the ids there are.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

import rfc8785

from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.model import BuildSpec

if TYPE_CHECKING:
    from wombat_gitops.domain.model import Distribution, Lock
    from wombat_gitops.domain.platforms import Platform

RECIPE: Final = 1
"""Version of how sources and commands are made from a spec; raise it when equal specs would give other bytes."""

LINK_FLAGS: Final = "-s -w -buildid="
"""Link flags of every build: no symbol table, no build id (facts behind it: docs/architecture.md)."""


def digest(data: bytes | str) -> str:
    """SHA-256 of bytes, or of a text's UTF-8 bytes, in lower-case hex."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def utc_text(moment: datetime) -> str:
    """RFC 3339 text of a moment in UTC to whole seconds, `2026-01-31T08:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_spec(distribution: Distribution, lock: Lock, platform: Platform, date: datetime) -> BuildSpec:
    """Gather the inputs of one binary.

    Args:
        distribution: a valid distribution.
        lock: the lock that was checked against it.
        platform: one of the distribution's platforms.
        date: committer date of the manifest's commit, or `UNCOMMITTED_DATE`.
    """
    return BuildSpec(
        name=distribution.name,
        version=distribution.version,
        date=date.astimezone(UTC).replace(microsecond=0),
        platform=platform,
        toolchain=distribution.toolchain,
        packages=tuple(sorted(set(distribution.packages_for(platform)))),
        go_mod=digest(lock.go_mod),
        go_sum=digest(lock.go_sum),
        tags=tuple(sorted(set(distribution.tags))),
        cgo=distribution.cgo,
        binary="" if distribution.binary == distribution.name else distribution.binary,
        tests=distribution.tests,
    )


def canonical(spec: BuildSpec) -> bytes:
    """The canonical JSON of every input of a build, the text that is hashed."""
    inputs = _inputs_of_bytes(spec) | {"date": utc_text(spec.date)}
    if spec.tests:
        inputs["tests"] = [[test.name, test.config, test.input, test.expect] for test in spec.tests]
    return rfc8785.dumps(inputs)


def same_program(one: BuildSpec, other: BuildSpec) -> bool:
    """Whether two builds differ in nothing but the date stamped into them and in their tests.

    A published version that is only described, labelled or tested in another way stays as it is.
    """
    return _inputs_of_bytes(one) == _inputs_of_bytes(other)


_Input: TypeAlias = "str | int | bool | list[str] | list[list[str]]"


def _inputs_of_bytes(spec: BuildSpec) -> dict[str, _Input]:
    inputs: dict[str, _Input] = {
        "recipe": RECIPE,
        "platform": str(spec.platform),
        "toolchain": spec.toolchain,
        "go_mod": spec.go_mod,
        "go_sum": spec.go_sum,
        "packages": sorted(spec.packages),
        "link_flags": LINK_FLAGS,
        "name": spec.name,
        "version": spec.version,
    }
    if spec.tags:
        inputs["tags"] = sorted(spec.tags)
    if spec.cgo:
        inputs["cgo"] = True
    if spec.binary:
        inputs["binary"] = spec.binary
    return inputs


def build_id(spec: BuildSpec) -> str:
    """The id of a build: SHA-256 of its canonical inputs, 64 lower-case hex digits."""
    return digest(canonical(spec))


def check_inputs(spec: BuildSpec, lock: Lock) -> None:
    """Make sure that the files that came with a spec are the ones it names.

    Raises:
        Refused: go.mod or go.sum has another digest.
    """
    for name, text, expected in (("go.mod", lock.go_mod, spec.go_mod), ("go.sum", lock.go_sum, spec.go_sum)):
        if digest(text) != expected:
            msg = f"{name} has digest `{digest(text)[:12]}…`, and the build names `{expected[:12]}…`"
            raise Refused(msg, hint="send the go.mod and go.sum of the lock, byte for byte")
