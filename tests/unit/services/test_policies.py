"""Every place that acts holds to policies by itself: the manifest's check, the service, the builder."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.factories import SPEC, make_request
from tests.support.fakes import NoIndex, ScriptedCompiler
from tests.support.manifests import SMALL, diagnose
from tests.unit.services.test_builder import Shop
from tests.unit.services.test_queue import Bench
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.contents import Contents, ModuleContents, NativePackage, PackageContents, Presence
from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.identity import build_id, digest
from wombat_gitops.domain.manifest import parse_manifest
from wombat_gitops.domain.manifest.shared import make_policy
from wombat_gitops.domain.messages import encode
from wombat_gitops.domain.model import Artifact, Lock
from wombat_gitops.domain.records import POLICY_VIOLATION, BuildState, Failure, FailureKind, Origin, Step, StoredLog
from wombat_gitops.services.engine import Engine
from wombat_gitops.services.queue import BuildQueue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wombat_gitops.domain.model import BuildSpec, Policy
    from wombat_gitops.ports import Output

ID = build_id(SPEC)
CORE = "github.com/redpanda-data/benthos/v4"
HEAD = "apiVersion: wombat/v1\nkind: Policy\nname: house\n"
BEFORE = {
    "modules: {deny: [github.com/redpanda-data/...]}": f"module `{CORE}@v4.76.0` is not allowed",
    "packages: {deny: [github.com/*/benthos/v4/*/components/io]}": f"package `{CORE}/public/components/io`",
    "platforms: {allow: [windows]}": "platform `linux/amd64` is not allowed",
    "toolchains: {deny: ['1.26.*']}": "Go `1.26.6` is not allowed",
}
"""What is known before anything is built."""
INSIDE = {
    "licenses: {allow: [Apache-2.0]}": f"package `{CORE}/public/components/io` brings licence `MIT`",
    "maxSize: 4": "bytes, at most 4 are allowed",
}
"""What only a build can tell."""
ALL = BEFORE | INSIDE


def policy_of(words: str) -> Policy:
    """The policy that a manifest says."""
    declares = parse_manifest("house.yaml", f"{HEAD}{words}\n".encode()).declares
    assert declares is not None
    assert declares.usable
    return make_policy(declares.name, declares.value, declares.path)


CONTENTS = Contents(
    tuple(PackageContents(name, CORE, Presence.PRESENT, licenses=("MIT",)) for name in SPEC.packages),
    (ModuleContents(CORE, "v4.76.0", ("MIT",)),),
)


NATIVE = replace(CONTENTS, native=(NativePackage("e.com/m/p", "e.com/m", "v1.0.0", syso=("x.syso",)),))
"""The same, and an object file that nobody can review."""


class Licensed(ScriptedCompiler):
    """A compiler that finds everything under the licence MIT, unless it is given other contents."""

    def __init__(self, contents: Contents = CONTENTS) -> None:
        super().__init__()
        self._contents = contents

    async def check(self, spec: BuildSpec, lock: Lock, output: Output) -> Contents:
        return self._contents


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    made.compiler = Licensed()
    yield made
    for spaces in made.spaces:
        spaces.close()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "objects")


def service(bench: Bench, *policies: Policy) -> BuildQueue:
    """A service whose operator has these policies."""
    return BuildQueue(bench.records, bench.inputs, bench.objects, NoIndex(), bench.clock, policies)


async def finished(bench: Bench, folder: Path, *, contents: bool = True, told: Contents = CONTENTS) -> None:
    """A build that succeeded with five bytes, before anybody had a policy."""
    artifact = Artifact(digest(b"bytes"), 5, "tiny")
    inside = folder / "contents"
    for path, data in ((folder / "binary", b"bytes"), (inside, encode(told))):
        path.write_bytes(data)
        await bench.objects.put(path, digest(data), len(data))
    await bench.queue.request(make_request())
    stored = StoredLog(digest(encode(told)), len(encode(told))) if contents else None
    await (await bench.claim()).succeed(artifact, None, stored)


@pytest.mark.parametrize("words", BEFORE)
def test_a_manifest_is_refused(words: str) -> None:
    """In the pull request already, and by the watcher."""
    files = {"manifests/example.yaml": SMALL.encode(), "manifests/house.yaml": f"{HEAD}{words}\n".encode()}
    assert any(problem.rule.startswith("WOM-08") and "policy `house`" in problem.message for problem in diagnose(files))


@pytest.mark.parametrize("words", BEFORE)
@pytest.mark.parametrize("whose", ["operator", "source"])
async def test_the_service_refuses_a_request(bench: Bench, words: str, whose: str) -> None:
    """Whatever was checked before it, and whoever sends it."""
    policy = policy_of(words)
    queue = service(bench, policy) if whose == "operator" else bench.queue
    request = make_request() if whose == "operator" else replace(make_request(), policies=(policy,))
    with pytest.raises(Refused, match="policy `house`") as caught:
        await queue.request(request)
    assert BEFORE[words] in caught.value.message
    assert await bench.records.get(ID) is None


@pytest.mark.parametrize("words", INSIDE)
@pytest.mark.parametrize("whose", ["operator", "source"])
async def test_the_service_refuses_a_finished_build(bench: Bench, tmp_path: Path, words: str, whose: str) -> None:
    """A build that was made under another policy is no way around this one."""
    await finished(bench, tmp_path)
    policy = policy_of(words)
    queue = service(bench, policy) if whose == "operator" else bench.queue
    request = make_request() if whose == "operator" else replace(make_request(), policies=(policy,))
    with pytest.raises(Refused, match="policy `house`") as caught:
        await queue.request(request)
    assert INSIDE[words] in caught.value.message


async def test_a_finished_build_of_unknown_contents_is_built_again(bench: Bench, tmp_path: Path) -> None:
    """Only where licences matter; the builder finds out then."""
    await finished(bench, tmp_path, contents=False)
    assert (await bench.queue.request(make_request())).build.state is BuildState.SUCCEEDED
    strict = replace(make_request(), policies=(policy_of("licenses: {allow: [MIT]}"),))
    answer = await bench.queue.request(strict)
    assert (answer.build.state, answer.build.policies) == (BuildState.QUEUED, strict.policies)


async def test_what_is_allowed_is_not_refused(bench: Bench, tmp_path: Path) -> None:
    """A finished build within every bound is simply there."""
    await finished(bench, tmp_path)
    wide = policy_of("licenses: {allow: [mit]}\nmaxSize: 5\nplatforms: {allow: [linux]}\ntoolchains: {allow: ['1.*']}")
    assert (await service(bench, wide).request(make_request())).build.state is BuildState.SUCCEEDED


@pytest.mark.parametrize("words", ALL)
@pytest.mark.parametrize("whose", ["operator", "source"])
async def test_the_builder_fails_a_build(shop: Shop, words: str, whose: str) -> None:
    """A record that somebody put past the service is not published, and hardly compiled."""
    policy = policy_of(words)
    record = lifecycle.queued(ID, SPEC, Origin(), 0, shop.bench.clock())
    request = make_request()
    await shop.bench.inputs.save(Lock(request.go_mod, request.go_sum))
    await shop.bench.records.create(ID, record if whose == "operator" else replace(record, policies=(policy,)))
    engine = Engine(shop.compiler, shop.bench.objects, (policy,)) if whose == "operator" else None
    async with shop.at_work(shop.builder(engine=engine)):
        failed = await shop.until(ID, BuildState.FAILED)
    assert failed.failure is not None
    assert (failed.failure.kind, failed.failure.reason) == (FailureKind.USER, POLICY_VIOLATION)
    assert ALL[words] in failed.failure.message
    assert failed.artifact is None
    assert shop.compiler.compiled == (["tiny"] if words.startswith("maxSize") else [])


async def test_native_code_that_no_policy_allows_fails_in_the_builder(shop: Shop) -> None:
    """A request that skipped validation is not compiled, though neither the source nor the operator has a policy."""
    shop.compiler = Licensed(NATIVE)
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder()):
        failed = await shop.until(ID, BuildState.FAILED)
    assert failed.failure is not None
    assert (failed.failure.reason, failed.failure.step) == (POLICY_VIOLATION, Step.CHECK)
    assert failed.failure.message.endswith("links `x.syso`, which no policy allows")
    assert shop.compiler.compiled == []


@pytest.mark.parametrize("whose", ["operator", "source"])
async def test_native_code_that_a_policy_allows_is_built(shop: Shop, whose: str) -> None:
    """The source's policies and the operator's are one set here, as everywhere."""
    shop.compiler = Licensed(NATIVE)
    allows = policy_of("syso: {allow: [e.com/m/p]}")
    request = make_request() if whose == "operator" else replace(make_request(), policies=(allows,))
    await shop.bench.queue.request(request)
    engine = Engine(shop.compiler, shop.bench.objects, (allows,)) if whose == "operator" else None
    async with shop.at_work(shop.builder(engine=engine)):
        await shop.until(ID, BuildState.SUCCEEDED)


async def test_a_finished_build_with_native_code_is_only_for_who_allows_it(bench: Bench, tmp_path: Path) -> None:
    """A build that one source may have is no way around the policies of another."""
    await finished(bench, tmp_path, told=NATIVE)
    allows = policy_of("syso: {allow: [e.com/m/p]}")
    assert (await bench.queue.request(replace(make_request(), policies=(allows,)))).build.state is BuildState.SUCCEEDED
    with pytest.raises(Refused, match="which no policy allows"):
        await bench.queue.request(make_request())
    strict = service(bench, policy_of("syso: {deny: [e.com/...]}"))
    with pytest.raises(Refused, match="policy `house`"):
        await strict.request(replace(make_request(), policies=(allows,)))


async def test_a_policy_that_comes_while_a_build_runs_holds(shop: Shop) -> None:
    """The newest request's policies count, also for a build that a builder has already."""
    shop.compiler.go_on.clear()
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder()):
        await asyncio.wait_for(shop.compiler.compiling.wait(), 15)
        strict = replace(make_request(), policies=(policy_of("licenses: {deny: [MIT]}"),))
        assert (await shop.bench.queue.request(strict)).build.state is BuildState.RUNNING
        shop.compiler.go_on.set()
        failed = await shop.until(ID, BuildState.FAILED)
    assert failed.failure is not None
    assert failed.failure.reason == POLICY_VIOLATION


async def test_what_failed_for_a_policy_is_built_under_another(bench: Bench) -> None:
    """Nobody has to retry by hand what a changed policy allows; other failures stay as they are."""
    strict = replace(make_request(), policies=(policy_of("licenses: {deny: [MIT]}"),))
    await bench.queue.request(strict)
    await (await bench.claim()).fail(Failure(FailureKind.USER, POLICY_VIOLATION, "no"), None)
    assert (await bench.queue.request(strict)).build.state is BuildState.FAILED

    answer = await bench.queue.request(make_request())

    assert (answer.build.state, answer.build.policies) == (BuildState.QUEUED, ())
    await (await bench.claim("second")).fail(Failure(FailureKind.USER, "CompileError", "no"), None)
    assert (await bench.queue.request(strict)).build.state is BuildState.FAILED


async def test_a_retry_is_made_under_the_newest_policies(bench: Bench) -> None:
    """A record does not keep the policies that a build once failed for."""
    strict = replace(make_request(), policies=(policy_of("maxSize: 4"),))
    await bench.queue.request(strict)
    await (await bench.claim()).fail(Failure(FailureKind.USER, "CompileError", "no"), None)
    await bench.queue.request(make_request())
    assert (await bench.queue.retry(ID)).policies == ()


async def test_equal_requests_for_a_superseded_build_are_one(bench: Bench) -> None:
    """Of many that bring it back at once, none is turned away."""
    await bench.queue.request(make_request())
    await bench.queue.cancel(ID, superseded=True)
    answers = await asyncio.gather(*(bench.queue.request(make_request()) for _ in range(20)))
    assert {answer.build.state for answer in answers} == {BuildState.QUEUED}
    assert (await bench.entry()).value.round == 2
