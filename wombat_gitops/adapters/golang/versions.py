"""The port `ModuleVersions` over `go list -m -versions`, which knows retractions and each kind of proxy."""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wombat_gitops.adapters.golang.answers import json_values, translated
from wombat_gitops.adapters.golang.environment import Folders, online
from wombat_gitops.adapters.process import capture
from wombat_gitops.domain import gofailure
from wombat_gitops.domain.errors import LockError, TimedOut
from wombat_gitops.domain.gosource import MAIN_MODULE, exact
from wombat_gitops.domain.grammar import MODULE_PATH, MODULE_VERSION, matches
from wombat_gitops.domain.model import Module
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import Step, StepFailed
from wombat_gitops.domain.versions import GO
from wombat_gitops.ports import ModuleNotice, VersionList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wombat_gitops.adapters.golang.network import GoNetwork
    from wombat_gitops.adapters.golang.toolchain import Toolchain, Toolchains
    from wombat_gitops.adapters.process import Captured

_SECONDS: Final = 120.0
"""Lists are some kilobytes each, and are asked for side by side."""

_LIMIT: Final = 16 * 1024 * 1024
_ANY: Final = Platform.parse("linux/amd64")
_STATUS: Final = re.compile(r"\b([45]\d\d [A-Z][A-Za-z' -]*)")


class _Error(BaseModel):
    text: str = Field("", alias="Err")


class _Report(BaseModel):
    """What Go says of one module; fields as `go help list` names them."""

    model_config = ConfigDict(extra="ignore")

    path: str = Field(alias="Path")
    versions: tuple[str, ...] = Field((), alias="Versions")
    error: _Error | None = Field(None, alias="Error")


class _Notice(BaseModel):
    """What the owner of a module says of a version."""

    model_config = ConfigDict(extra="ignore")

    path: str = Field(alias="Path")
    version: str = Field(alias="Version")
    retracted: tuple[str, ...] = Field((), alias="Retracted")
    deprecated: str = Field("", alias="Deprecated")

    @property
    def notice(self) -> ModuleNotice:
        """The same as a value of the port."""
        return ModuleNotice(Module(self.path, self.version), "; ".join(self.retracted), self.deprecated)


class GoVersions:
    """Asks in a private folder, with the same network as the resolver."""

    def __init__(self, toolchains: Toolchains, data: Path, network: GoNetwork) -> None:
        self._toolchains = toolchains
        self._folders = Folders(data.absolute())
        self._network = network

    async def versions(self, modules: Sequence[str], toolchain: str) -> Mapping[str, VersionList]:
        """See `ports.ModuleVersions`."""
        wanted = sorted(set(modules))
        for module in wanted:
            if module != GO and not matches(MODULE_PATH, module):
                msg = f"`{module[:120]}` is not a module path"
                raise LockError(msg)
        try:
            found = await self._toolchains.locate(toolchain, self._network.environment)
        except StepFailed as failed:
            raise translated(failed.failure) from failed
        try:
            answer = await self._ask(found, ["-versions", "-json=Path,Versions,Error", *wanted])
        except TimedOut as error:
            raise translated(gofailure.timed_out("", Step.FETCH, _SECONDS)) from error
        lists = {each.module: each for each in _read(answer.stdout.decode(errors="replace"))}
        if not lists:
            raise translated(gofailure.classify(answer.stderr.decode(errors="replace"), status=answer.status or 1))
        return {module: lists.get(module, VersionList(module, (), "Go said nothing of it")) for module in wanted}

    async def notices(self, modules: Sequence[Module], toolchain: str) -> tuple[ModuleNotice, ...]:
        """See `ports.ModuleVersions`."""
        wanted = [exact(module).replace(" ", "@") for module in modules]
        try:
            found = await self._toolchains.locate(toolchain, self._network.environment)
            answer = await self._ask(found, ["-u", "-json=Path,Version,Retracted,Deprecated", *wanted])
        except (StepFailed, TimedOut):
            return ()
        told = dict[str, ModuleNotice]()
        for value in json_values(answer.stdout.decode(errors="replace")):
            with contextlib.suppress(ValidationError):
                notice = _Notice.model_validate(value).notice
                told[notice.module.path] = notice
        known = (told.get(module.path) for module in modules)
        return tuple(each for each in known if each is not None and each.sentences)

    async def _ask(self, toolchain: Toolchain, words: Sequence[str]) -> Captured:
        """What `go list -m` answers in an empty module."""
        with tempfile.TemporaryDirectory(prefix="wombat-versions-") as root:
            folder = Path(root)
            (folder / "go.mod").write_text(f"module {MAIN_MODULE}\n", encoding="utf-8")
            env = online(toolchain, self._folders, folder, _ANY, self._network.environment) | {"GOFLAGS": "-mod=mod"}
            argv = [toolchain.go, "list", "-e", "-m", *words]
            return await capture(argv, cwd=folder, env=env, seconds=_SECONDS, limit=_LIMIT)


def _read(text: str) -> list[VersionList]:
    lists = []
    for value in json_values(text):
        try:
            report = _Report.model_validate(value)
        except ValidationError:
            continue
        versions = tuple(each for each in report.versions if report.path == GO or matches(MODULE_VERSION, each))
        problem = _problem(report.error.text) if report.error is not None else ""
        if not problem and not versions:
            problem = "its list is empty"
        lists.append(VersionList(report.path, versions, problem))
    return lists


def _problem(text: str) -> str:
    """The shortest thing to say about an error, without the address of the proxy."""
    status = _STATUS.search(text)
    if status is not None:
        return f"the module proxy answers {status[1].strip()}"
    if "no such file" in text or "not exist" in text:
        return "the module proxy has no list of its versions"
    return gofailure.classify(text).message
