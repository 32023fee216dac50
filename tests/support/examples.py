"""Answers of a real application, as the API's description shows them: `wombat_gitops/api/examples.json`.

`python -m tests.support.examples` writes the file anew; a test holds it in step.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tests.support.api import served
from tests.support.factories import NOW
from tests.support.reference import TINY, tell
from tests.support.stage import ARM, Stage, broken, built, declared, presence, queued_build, running_build
from wombat_gitops import __version__
from wombat_gitops.api.examples import FILE
from wombat_gitops.domain.catalogue import Condition, SourceRecord
from wombat_gitops.domain.contents import Component, Contents, ModuleContents, NativePackage, PackageContents, Presence
from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.identity import digest
from wombat_gitops.domain.messages import encode
from wombat_gitops.domain.records import Step, StoredLog

if TYPE_CHECKING:
    import httpx

_DATA: Final = b"\x7fELF" + bytes(range(256)) * 100
_MODULE: Final = "github.com/redpanda-data/connect/v4"
_OWN: Final = {"get_component": {"name": "mapping"}}
"""Values of one operation, by its id, where a name means something else there."""
_LONGEST: Final = 2
"""Entries of a list in an example."""
_TEXT: Final = 2000


async def collect(folder: Path) -> dict[str, Any]:
    """Values of parameters by name, and of every operation's answer by its id; lists are cut short."""
    stage = Stage(folder)
    log = await stage.store_log("go: downloading\ncompiling\n")
    inside = encode(
        Contents(
            (
                PackageContents(
                    f"{_MODULE}/public/components/kafka",
                    _MODULE,
                    Presence.PRESENT,
                    components=(Component("input", "kafka_franz"), Component("output", "kafka_franz")),
                    licenses=("Apache-2.0",),
                ),
            ),
            (ModuleContents(_MODULE, "v4.60.0", ("Apache-2.0",)),),
            (NativePackage("github.com/pebbe/zmq4", "github.com/pebbe/zmq4", "v1.2.11", cgo=("zmq4.go",)),),
        )
    )
    contents = StoredLog(await stage.store(inside), len(inside))
    await stage.store(_DATA)
    good = replace(await tell(stage, built(queued_build(), _DATA, log), TINY), contents=contents)
    arm = await tell(stage, built(queued_build(1, platform=ARM), _DATA + b"arm", log), TINY)
    arm = replace(arm, contents=contents)
    old = await tell(stage, built(queued_build(2, version="0.9.0"), _DATA + b"old", log), TINY)
    old = replace(old, contents=contents)
    failed = broken(queued_build(10, name="fragile", version="1.1.0"), log)
    running = running_build(queued_build(30, name="busy"), Step.FETCH, Step.COMPILE)
    await stage.put(
        good, arm, old, failed, queued_build(20, name="waiting"), running, presence(busy=1, version="1.0.0")
    )
    await stage.put(declared(good, arm, readme="# tiny\n\nA small one.\n"), declared(failed), declared(running))
    wrong = Diagnostic(
        "manifests/fragile.yaml",
        5,
        1,
        "WOM-012",
        "there is no field `packges`",
        "did you mean `packages`?",
        end_column=8,
    )
    ready = Condition("Ready", True, "Reconciled", "", "4f3c2b1a" * 5, NOW)
    await stage.put(
        SourceRecord(
            "main",
            "https://git.invalid/team/catalogue.git",
            "main",
            "manifests",
            "4f3c2b1a" * 5,
            NOW,
            4,
            1,
            (ready,),
            problems=(replace(wrong, source_line="packges: [kafka]"),),
        )
    )
    values = {
        "name": "tiny",
        "version": "1.0.0",
        "build": good.id,
        "source": "main",
        "builder": "builder-1",
        "package": good.spec.packages[0],
        "q": "tiny",
        "sha256": digest(_DATA),
        "digest": digest(_DATA),
        "kind": "processor",
        "os": "linux",
        "arch": "amd64",
        "variant": "7",
        "file_name": good.spec.file_name,
        "from": "tiny@0.9.0",
        "to": "tiny@1.0.0",
    }
    answers = {}
    async with stage.running(), served(stage, draining=True) as client:
        await stage.until(lambda: stage.catalog.search("kafka_franz"))
        while not (await client.get("/api/v1/components")).json()["complete"]:
            pass  # each answer waits for what is just being read
        description = (await client.get("/api/v1/openapi.json")).json()
        for path, methods in description["paths"].items():
            operation = methods["get"]
            if "200" in operation["responses"]:
                answer = await client.get(_address(path, operation, values))
                answers[operation["operationId"]] = _example(answer, str(client.base_url))
    return {"parameters": values, "own": _OWN, "answers": dict(sorted(answers.items()))}


def render(examples: dict[str, Any]) -> str:
    """The text of the file."""
    return json.dumps(examples, indent=1, ensure_ascii=False) + "\n"


def _address(path: str, operation: dict[str, Any], values: dict[str, str]) -> str:
    values = {**values, **_OWN.get(operation["operationId"], {})}
    given = {each["name"]: each for each in operation.get("parameters", ()) if "name" in each}
    query = []
    for name, each in given.items():
        if each["in"] == "path":
            path = path.replace(f"{{{name}}}", quote(values[name]))
        elif each.get("required"):
            query.append(f"{name}={quote(values[name])}")
    return f"{path}?{'&'.join(query)}" if query else path


def _example(answer: httpx.Response, host: str) -> Any:
    assert answer.status_code == 200, (answer.url, answer.text)
    kind = answer.headers["content-type"]
    if kind == "application/octet-stream":
        return None
    text = answer.text.replace(host.rstrip("/"), "http://catalogue.invalid").replace(__version__, "1.0.0")
    return _cut(json.loads(text)) if "json" in kind else text[:_TEXT]


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cut(each) for key, each in value.items()}
    return [_cut(each) for each in value[:_LONGEST]] if isinstance(value, list) else value


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        FILE.write_text(render(asyncio.run(collect(Path(folder)))))
