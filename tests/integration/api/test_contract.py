"""The API keeps what its description says, whatever a client sends.

`WOMBAT_CONTRACT_EXAMPLES` sets how many requests are tried for each route and test; the seed is fixed.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import ChecksConfig, GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig

from tests.support.api import served
from tests.support.reference import TINY
from tests.support.stage import ARM, Stage, broken, built, declared, presence, queued_build, running_build
from wombat_gitops.domain.catalogue import SourceRecord
from wombat_gitops.domain.contents import Component, Contents, ModuleContents, NativePackage, PackageContents, Presence
from wombat_gitops.domain.identity import digest
from wombat_gitops.domain.messages import BuildQuery, encode
from wombat_gitops.domain.records import BuildRecord, Step, StoredLog
from wombat_gitops.domain.reference import pack
from wombat_gitops.services.build_index import BuildIndex

EXAMPLES = int(os.environ.get("WOMBAT_CONTRACT_EXAMPLES", "12"))
DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[3] / "schemas" / "openapi.json").read_text())
LOG = b"fetching\ncompiling\n"
DATA = b"\x7fELF" + bytes(range(256))
INSIDE = encode(
    Contents(
        (PackageContents("e.com/m/p", "e.com/m", Presence.PRESENT, "", "", (Component("input", "file"),), ("MIT",)),),
        (ModuleContents("e.com/m", "v1.0.0", ("MIT",), ""),),
        (NativePackage("e.com/m/c", "e.com/m", "v1.0.0", syso=("a.syso",), cgo=("c.go",)),),
    )
)


REFERENCE = pack(TINY)


def stored(data: bytes) -> StoredLog:
    return StoredLog(digest(data), len(data))


GOOD = built(queued_build(), DATA, stored(LOG))
OLD = built(queued_build(version="0.9.0"), b"old")
BAD = broken(queued_build(10, name="other", platform=ARM), stored(LOG))
WAITING = queued_build(20, name="waiting")
RUNNING = running_build(queued_build(30, name="busy"), Step.FETCH, Step.COMPILE)
KNOWN = {
    "name": ("tiny", "other", "waiting", "busy", "stdin", "mapping"),
    "kind": ("input", "processor"),
    "build": (GOOD.id, BAD.id, WAITING.id, RUNNING.id, GOOD.id[:8]),
    "sha256": (digest(DATA), f"sha256:{digest(DATA)}"),
    "digest": (digest(DATA), f"{digest(DATA)}.sha256"),
    "source": ("main",),
    "builder": ("builder-1",),
    "version": ("1.0.0",),
    "os": ("linux",),
    "arch": ("amd64", "arm"),
    "variant": ("7",),
    "package": GOOD.spec.packages,
    "file_name": ("tiny_1.0.0_linux_amd64", "tiny_1.0.0_linux_amd64.sha256"),
}


def cursor_of(build: BuildRecord) -> str:
    index = BuildIndex()
    for record in (GOOD, BAD, WAITING, RUNNING):
        index.put(record)
    limit = 1
    while (page := index.page(BuildQuery(limit=limit))).items[-1].id != build.id:
        limit += 1
    return page.next


# A query may have many values that are each allowed, and be longer than any that is read: 414, for good values and bad.
CHECKS = {
    "positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", "404", "414", "5xx"]},
    "negative_data_rejection": {"expected-statuses": ["400", "404", "405", "414", "422", "5xx"]},
}


def description(*modes: GenerationMode) -> schemathesis.BaseSchema:
    generation = GenerationConfig(modes=list(modes), max_examples=EXAMPLES, deterministic=True)
    project = ProjectConfig(generation=generation, checks=ChecksConfig.from_dict(CHECKS))
    config = SchemathesisConfig(seed=1, projects=ProjectsConfig(default=project))
    return schemathesis.openapi.from_dict(DOCUMENT, config=config)


whatever = description(GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
fitting = description(GenerationMode.POSITIVE)
# Cursors are opaque: only those that a list gave are valid, and these are.
schemathesis.openapi.format("cursor", st.sampled_from([cursor_of(build) for build in (GOOD, BAD, WAITING)]))

schemathesis.openapi.format("version-cursor", st.sampled_from(["", "1.0.0"]))
# Each route has fields of its own; `test_sparse` tries them.
schemathesis.openapi.format("field-list", st.just(""))

bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server with a catalogue of every kind of build; its streams end instead of waiting for news."""
    told: list[str] = []
    began, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        stage = Stage(tmp_path_factory.mktemp("stage"))
        for data in (DATA, LOG, INSIDE, REFERENCE):
            await stage.store(data)
        inside = stored(INSIDE)
        good = replace(GOOD, contents=inside, reference=stored(REFERENCE))
        await stage.put(OLD, good, BAD, WAITING, RUNNING, presence())
        await stage.put(declared(GOOD, readme="# Tiny\n"), declared(BAD), declared(WAITING), declared(RUNNING))
        await stage.put(SourceRecord("main", "https://git.invalid/catalogue", "main", "manifests", "4f3c2b1a"))
        await stage.logs.append(RUNNING.id, 1, 0, "fetching\n")
        async with stage.running(), served(stage, draining=True, seconds=None) as client:
            told.append(str(client.base_url))
            began.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="server")
    thread.start()
    try:
        assert began.wait(30)
        yield told[0]
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        yield made


@whatever.parametrize()
@bounded
def test_whatever_is_sent(case: schemathesis.Case[Any], address: str, session: requests.Session) -> None:
    """Good values are accepted, bad ones refused, other methods too; each answer is one that is described."""
    case.call_and_validate(base_url=address, session=session)


@fitting.parametrize()
@bounded
def test_what_exists(case: schemathesis.Case[Any], address: str, session: requests.Session) -> None:
    """For what there is, every answer is described too."""
    chosen = sum(map(len, map(str, case.path_parameters.values())))
    case.path_parameters = {name: KNOWN[name][chosen % len(KNOWN[name])] for name in case.path_parameters}
    answer = case.call_and_validate(base_url=address, session=session)
    assert answer.status_code < 500
