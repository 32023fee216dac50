"""What holds for any bytes that a person, a repository or a git host may hand us.

Each law takes bytes and raises where it does not hold. `tests/fuzz/manifests.py` looks for bytes that break one.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

import yaml

from tests.support.hooks import SECRET, URL, push_body
from tests.support.manifests import COMPONENTS, LOCK, SMALL
from wombat_gitops.adapters.git.address import Address, check_branch, check_folder, redact, source_id
from wombat_gitops.domain import grammar
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.errors import LockError, Refused
from wombat_gitops.domain.examination import examine
from wombat_gitops.domain.gofailure import classify
from wombat_gitops.domain.lock import make_header, read_lock, render_lock, resolved_modules
from wombat_gitops.domain.manifest import Reading, Shared, interpret, parse_manifest, read_manifest
from wombat_gitops.domain.manifest import document as tree
from wombat_gitops.domain.manifest.edit import upgraded_text, version_pointer
from wombat_gitops.domain.manifest.format import format_manifest
from wombat_gitops.domain.manifest.render import render_github, render_json, render_text
from wombat_gitops.domain.manifest.rules import RULES, TOO_LARGE
from wombat_gitops.domain.model import Distribution, Lock
from wombat_gitops.domain.pipeline import read_pipeline
from wombat_gitops.domain.sources import Host, read_sources
from wombat_gitops.domain.visible import visible, visible_line
from wombat_gitops.domain.webhooks import Hook, Message, delivery_of, is_authentic, read_push

Law = Callable[[bytes], None]

PATH: Final = "manifests/example.yaml"
LOCK_PATH: Final = "manifests/example.lock/go.{}"
SOURCES: Final = "apiVersion: wombat/v1\nkind: Sources\nsources:\n"
_HOOKS: Final = tuple(Hook("id", host, URL, "main", lambda: SECRET) for host in Host)
_YAML_LINE_END: Final = "\r\n|[\n\r\x85\u2028\u2029]"
_LOADER: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def check_places(problems: Iterable[Diagnostic], data: bytes, line_end: str = r"\r\n|\n") -> None:
    """Each problem is of a known rule, at a place inside of the file; only one about its size is about all of it."""
    lines = re.split(line_end, data.decode(errors="replace"))
    for problem in problems:
        assert problem.rule in RULES, problem
        if problem.rule == TOO_LARGE.id:
            continue
        assert 1 <= problem.line <= len(lines), problem
        end = len(lines[problem.line - 1]) + 1
        assert 1 <= problem.column <= end, problem
        assert problem.end_column == 0 or problem.column < problem.end_column <= end, problem


def check_rendering(problems: tuple[Diagnostic, ...]) -> None:
    """Problems can be shown in each form, and no text of an author becomes another line or command."""
    assert len(render_github(problems).splitlines()) == len(problems)
    assert len(json.loads(render_json(problems))["diagnostics"]) == len(problems)
    for form in (render_github(problems), render_json(problems)):
        assert visible(form) == form, problems
    for problem in problems:
        shown = render_text([problem])
        assert shown.count("\n") == 1 + 3 * bool(problem.source_line) + bool(problem.hint), problem
        assert visible(shown) == shown, problem


def check_refusal(error: Refused) -> None:
    """What was refused can be shown on one line."""
    assert visible_line(error.message) == error.message, error


def manifest_is_answered(data: bytes) -> Reading:
    """A manifest gives either a distribution or reasons, each at its place, and the same ones each time."""
    reading = read_manifest(PATH, data)
    errors = [problem for problem in reading.diagnostics if problem.severity is Severity.ERROR]
    assert reading.kind != "Distribution" or (reading.distribution is None) == bool(errors)
    assert list(reading.diagnostics) == sorted(set(reading.diagnostics))
    assert read_manifest(PATH, data).diagnostics == reading.diagnostics
    check_places(reading.diagnostics, data)
    check_rendering(reading.diagnostics)
    return reading


def manifest_is_read_as_written(data: bytes) -> None:
    """An accepted manifest says to us what it says to any reader of YAML, and can be locked and upgraded."""
    reading = manifest_is_answered(data)
    document = tree.parse_document(PATH, data)
    if document.root is not None and not document.diagnostics:
        assert _texts(document.root) == yaml.load(data.decode(), Loader=_LOADER)  # noqa: S506 - the base loader makes texts only
    if reading.distribution is not None:
        _lock_reads_back(reading.distribution, reading, LOCK)
        _version_can_be_raised(reading.distribution, reading, data)


def _texts(node: tree.Node) -> Any:
    match node:
        case tree.Scalar():
            return node.text
        case tree.Items():
            return [_texts(item) for item in node.items]
        case tree.Fields():
            return {name: _texts(value) for name, value in node.fields.items()}


def _lock_reads_back(distribution: Distribution, reading: Reading, lock: Lock) -> None:
    files = render_lock(distribution, lock)
    assert read_lock(files.go_mod, files.go_sum) == (make_header(distribution), lock)
    examine(reading, distribution, files.go_mod.encode(), files.go_sum.encode())


def _version_can_be_raised(distribution: Distribution, reading: Reading, data: bytes) -> None:
    core = distribution.modules[0]
    if not version_pointer(reading.places, core.path):
        return
    text = data.decode().replace("\r\n", "\n")
    try:
        raised = upgraded_text(text, reading.places, [(core, "v4.99.0")])
    except LockError:
        return  # it does not stand there as such, and that is told
    after = read_manifest(PATH, raised.encode()).distribution
    wanted = (replace(core, version="v4.99.0"), *distribution.modules[1:])
    assert after == replace(distribution, modules=wanted)


def form_keeps_meaning(data: bytes) -> None:
    """Formatting changes no value and loses no comment, and doing it again changes nothing."""
    found = format_manifest(PATH, data)
    assert (found.text is None) == bool(found.diagnostics)
    if found.text is None:
        return
    after = found.text.encode()
    assert _meaning(after) == _meaning(data)
    assert comments(found.text) == comments(data.decode())
    assert format_manifest(PATH, after).text == found.text


def _meaning(data: bytes) -> tuple[Any, ...]:
    parsed = parse_manifest(PATH, data)
    value = dict(parsed.value or {})
    if "go" not in value and "toolchain" in value:
        value["go"] = value.pop("toolchain")
    return parsed.kind, value, interpret(parsed, Shared()).distribution


def comments(text: str) -> Counter[str]:
    """The comments of a manifest that can be read: what begins with `#` between the scanner's tokens."""
    text = text.replace("\r\n", "\n")
    found = Counter[str]()
    end = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        start = token.start_mark.index
        if isinstance(token, yaml.ScalarToken) and token.style in {"|", ">"}:
            found.update(re.findall(r"#.*", text[start:].split("\n", 1)[0]))
        found.update(line.rstrip(" ") for line in re.findall(r"#.*", text[end:start]))
        end = max(end, token.end_mark.index)
    found.update(line.rstrip(" ") for line in re.findall(r"#.*", text[end:]))
    return found


def lock_is_answered(data: bytes) -> None:
    """A lock (go.mod, NUL, go.sum) is used or refused for a reason; what is used says nothing beyond its grammar."""
    go_mod, _, go_sum = data.partition(b"\0")
    reading = read_manifest(PATH, SMALL.encode())
    assert reading.distribution is not None
    lock, problems = examine(reading, reading.distribution, go_mod, go_sum)
    assert (lock is None) == bool(problems)
    texts = {PATH: SMALL.encode(), LOCK_PATH.format("mod"): go_mod, LOCK_PATH.format("sum"): go_sum}
    for path in {each.path for each in problems}:
        check_places([each for each in problems if each.path == path], texts[path])
    check_rendering(problems)
    if lock is not None:
        _lock_reads_back(reading.distribution, reading, lock)
        for module in resolved_modules(lock):
            assert grammar.matches(grammar.MODULE_PATH, module.path), module
            assert grammar.matches(grammar.MODULE_VERSION, module.version), module


def sources_are_answered(data: bytes) -> None:
    """A list of sources gives either entries or reasons, each at its place."""
    reading = read_sources("sources.yaml", data)
    assert bool(reading.entries) != bool(reading.diagnostics)
    check_places(reading.diagnostics, data)
    check_rendering(tuple(reading.diagnostics))


def pipeline_is_answered(data: bytes) -> None:
    """Whatever stands in a test's pipeline, as a block or in quotes, is judged at its place."""
    text = data.decode(errors="replace")
    block = "".join(f"      {line}\n" for line in text.split("\n"))
    for form in (f"|\n{block}", f"{json.dumps(text)}\n"):
        manifest_is_answered(f"{SMALL}tests:\n  - name: one\n    config: {form}".encode())


def configuration_is_answered(data: bytes) -> None:
    """A pipeline that a manifest is made for gives needs or reasons, each at its place."""
    found = read_pipeline("pipeline.yaml", data, COMPONENTS)
    lines = len(re.split(_YAML_LINE_END, data.decode(errors="replace")))
    assert all(0 <= need.line <= lines for need in found.needs)
    check_places(found.diagnostics, data, _YAML_LINE_END)
    check_rendering(found.diagnostics)


def push_is_answered(data: bytes) -> None:
    """A message of a host (headers, empty line, body) is understood or refused."""
    head, _, body = data.partition(b"\n\n")
    headers = {}
    for line in head.decode("latin-1").split("\n"):
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    message = Message(headers, body)
    for hook in _HOOKS:
        known = SECRET.encode() in data or body in {push_body(host) for host in Host}
        assert known or not is_authentic(hook, message, 1_760_000_000.0)
        assert delivery_of(hook, message)
        try:
            push = read_push(hook, message)
        except Refused as error:
            check_refusal(error)
        else:
            assert push is None or push.concerns(hook) in {True, False}


def address_is_answered(data: bytes) -> None:
    """A URL, branch or folder that reaches git is no option, runs nothing, and shows no password."""
    text = data.decode(errors="replace")
    try:
        address = Address.parse(text)
    except Refused as error:
        check_refusal(error)
    else:
        assert not address.url.startswith("-")
        assert re.match(r"[A-Za-z0-9+.-]*::", address.url) is None  # what git takes for a program to run
        assert address.protocol in {"file", "https", "ssh"}
        assert source_id(address.url, "main", "")
        assert redact(address.url) == redact(redact(text)) or address.authorization
    for check, bad in (
        (check_branch, r"[\x00-\x20\x7f]|^refs/heads/-|\.\.|\.lock(/|\Z)"),
        (check_folder, r"^/|(^|/)\.\.(/|\Z)|\0"),
    ):
        try:
            assert re.search(bad, check(text)) is None, text
        except Refused as error:
            check_refusal(error)


def go_text_is_survived(data: bytes) -> None:
    """Output of the compiler is read to its end, whatever it says."""
    text = data.decode(errors="replace")
    failure = classify(text)
    assert failure.reason


LAWS: Final[dict[str, Law]] = {
    "manifest": manifest_is_read_as_written,
    "form": form_keeps_meaning,
    "lock": lock_is_answered,
    "sources": sources_are_answered,
    "pipeline": pipeline_is_answered,
    "configuration": configuration_is_answered,
    "push": push_is_answered,
    "address": address_is_answered,
    "go": go_text_is_survived,
}
