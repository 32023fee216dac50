"""What Go source says, asked of Go: a small Go program, in the folder `reader`, reads it in the sandbox.

It answers for packages that `go list` has named, or finds the packages of whole modules itself.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.golang.helper import helper
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain import gofailure
from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.errors import InternalError, OverLimit, TimedOut
from wombat_gitops.domain.model import CORE_MODULE
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import Step, StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from wombat_gitops.adapters.golang.environment import Folders
    from wombat_gitops.adapters.golang.listing import ListedPackage
    from wombat_gitops.adapters.golang.toolchain import Toolchain
    from wombat_gitops.adapters.sandbox.sandbox import Sandbox
    from wombat_gitops.domain.model import Module
    from wombat_gitops.ports import Output

SECONDS: Final = 300.0
"""All of Benthos and Connect take 1 s."""

_OUTPUT_LIMIT: Final = 64 << 20
_PLATFORMS: Final = sorted({"/".join(text.split("/")[:2]) for text in Platform.spellings()})
_TEMPLATE_KINDS: Final = frozenset({"input", "output", "processor", "cache", "rate_limit", "scanner", "buffer"})
_FIELD: Final = r"^{name}:[ \t]*[\"']?([A-Za-z0-9][A-Za-z0-9_.-]{{0,99}})[\"']?[ \t]*(?:#.*)?$"
_NAME: Final = re.compile(_FIELD.format(name="name"), re.MULTILINE)
_TYPE: Final = re.compile(_FIELD.format(name="type"), re.MULTILINE)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Registration(_Strict):
    """One call that registers a component.

    Attributes:
        name: "" where it is made when the program starts, and for a template.
        file: name of the file in its package, with *line*.
        function: where the call stands; "" in an `init`.
        core: module that it registers with.
        certain: each program with this package makes the call.
        reached: a program may make it: an `init` leads there.
        text: the template that is registered, or "".
    """

    kind: str
    name: str = ""
    file: str
    line: int
    function: str = ""
    core: str
    certain: bool
    reached: bool
    text: str = ""

    @property
    def component(self) -> Component | None:
        """What is registered, where that is known."""
        if self.kind != "template":
            return Component(self.kind, self.name) if self.name else None
        name, kind = _NAME.search(self.text), _TYPE.search(self.text)
        if name is None or kind is None or kind[1] not in _TEMPLATE_KINDS:
            return None
        return Component(kind[1].replace("_", "-"), name[1])

    @property
    def place(self) -> str:
        """`file:line`, for people."""
        return f"{self.file}:{self.line}"


class Need(_Strict):
    """The least that would make a file part of the build: build tags, cgo, or another platform."""

    tags: tuple[str, ...] = ()
    cgo: bool = False
    platform: bool = False

    @property
    def rank(self) -> tuple[bool, int, tuple[str, ...]]:
        """Smaller is less."""
        return (self.platform, 2 * len(self.tags) + self.cgo, self.tags)


class Described(_Strict):
    """What a listed package says.

    Attributes:
        cores: the modules of cores whose public packages it imports.
        need: what would build a file of it that is left out.
        adds: the same for a file that may register.
        lost: names that it would offer with cgo and does not, each with the packages that take it.
    """

    path: str
    cores: tuple[str, ...] = ()
    registrations: tuple[Registration, ...] = ()
    need: Need | None = None
    adds: Need | None = None
    lost: dict[str, tuple[str, ...]] = {}


class Provided(_Strict):
    """A package of a module, in one form: what it registers with these tags.

    Attributes:
        sources: files that it and what it imports of its own module are built of, by their path in the module.
    """

    package: str
    module: str
    tags: tuple[str, ...] = ()
    cgo: bool = False
    registrations: tuple[Registration, ...] = ()
    sources: tuple[str, ...] | None = None


class _Problem(_Strict):
    file: str
    line: int
    column: int
    message: str


class _Read(_Strict):
    packages: tuple[Described, ...]
    providers: tuple[Provided, ...]
    problems: tuple[_Problem, ...]


class GoReader:
    """Runs the program `reader` for one target after the other.

    Args:
        limits: what it may take of the machine.
    """

    def __init__(self, folders: Folders, sandbox: Sandbox, limits: Limits = UNLIMITED) -> None:
        self._folders = folders
        self._sandbox = sandbox
        self._limits = limits

    async def describe(
        self,
        packages: Iterable[ListedPackage],
        toolchain: Toolchain,
        platform: Platform,
        output: Output,
        *,
        tags: Iterable[str] = (),
        cgo: bool = False,
    ) -> dict[str, Described]:
        """What listed packages say, by import path; their folders are below the module store.

        Raises:
            StepFailed: the reader took more than it may.
        """
        asked: list[dict[str, object]] = [
            {
                "path": each.path,
                "name": each.name,
                "dir": self._inside(each.dir),
                "files": each.files,
                "ignored": each.ignored,
                "imports": each.imports,
            }
            for each in packages
        ]
        found = await self._run("packages", asked, toolchain, platform, output, tags, cgo=cgo)
        return {each.path: each for each in found.packages}

    async def providers(
        self, roots: Mapping[Module, Path], toolchain: Toolchain, platform: Platform, output: Output
    ) -> tuple[Provided, ...]:
        """The packages of modules that register something, in each form; *roots* are below the module store.

        Raises:
            StepFailed: the reader took more than it may.
        """
        asked: list[dict[str, object]] = [
            {"path": module.path, "dir": self._inside(str(root))} for module, root in sorted(roots.items())
        ]
        return (await self._run("modules", asked, toolchain, platform, output, ())).providers

    async def _run(
        self,
        what: str,
        asked: list[dict[str, object]],
        toolchain: Toolchain,
        platform: Platform,
        output: Output,
        tags: Iterable[str],
        *,
        cgo: bool = False,
    ) -> _Read:
        program = await helper("reader", toolchain, self._folders, self._sandbox, output, self._limits)
        place = self._folders.data / "helpers" / f".read-{secrets.token_hex(8)}"
        try:
            enclosure = await self._sandbox.enclosure(place)
            modules = enclosure.read(self._folders.modules, "/mod")
            target = platform.go_env | {"CGO_ENABLED": "1" if cgo else "0"}
            request = {"core": CORE_MODULE, "platforms": _PLATFORMS, "root": modules, what: asked}
            answer = await enclosure.capture(
                [enclosure.read(program, "/reader"), "-tags", ",".join(sorted(tags))],
                cwd=enclosure.temporary,
                env=target | {"HOME": enclosure.temporary},
                seconds=SECONDS,
                stdin=json.dumps(request).encode(),
                limit=_OUTPUT_LIMIT,
                limits=self._limits,
            )
        except OverLimit as error:
            raise StepFailed(gofailure.over_limit(error, "", Step.CHECK)) from error
        except TimedOut as error:
            raise StepFailed(gofailure.timed_out("", Step.CHECK, SECONDS)) from error
        finally:
            await asyncio.to_thread(remove_tree, place)
        if answer.status:
            lines = answer.stderr.decode(errors="replace").splitlines()
            msg = f"the reader of Go source ended with status {answer.status}: {lines[0][:200] if lines else ''}"
            raise InternalError(msg)
        try:
            found = _Read.model_validate_json(answer.stdout)
        except ValidationError as error:
            msg = "the answer of the reader of Go source cannot be read"
            raise InternalError(msg) from error
        for problem in found.problems:
            place_of = f"{problem.file.removeprefix(f'{modules}/')}:{problem.line}:{problem.column}"
            await output.write(f"{place_of}: not read as Go: {problem.message}\n".encode(errors="replace"))
        return found

    def _inside(self, folder: str) -> str:
        """A folder of the module store by its path in there, which the reader sees elsewhere."""
        return folder.removeprefix(f"{self._folders.modules}/")
