"""What it takes to build a known build again: where it is kept, and a compiler with an empty cache."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wombat_gitops.adapters.folder import FolderObjects, FolderStore
from wombat_gitops.adapters.golang.compiler import GoCompiler
from wombat_gitops.adapters.golang.differ import GoComparer
from wombat_gitops.adapters.golang.environment import Folders
from wombat_gitops.adapters.golang.network import go_network
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.nats.client import ServiceCommitter
from wombat_gitops.adapters.nats.objects import NatsObjects
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.adapters.workspaces import Workspaces
from wombat_gitops.domain import subjects
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.ports import Comparer, Compiler, Workspace
from wombat_gitops.services.queue import Inputs
from wombat_gitops.services.rebuild import BuildStores
from wombat_gitops.settings import go_environment, search_path
from wombat_gitops.wiring import machine
from wombat_gitops.wiring.access import connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wombat_gitops.ports import Output
    from wombat_gitops.settings import Settings


@asynccontextmanager
async def build_stores(settings: Settings, *, local: bool) -> AsyncIterator[BuildStores]:
    """The broker's builds, or with *local* those of `apply --local`.

    Raises:
        Unreachable: there is no broker, or nobody said where it is.
        Refused: the credentials are neither an admin's nor a builder's, or another local run uses the data folder.
    """
    if local:
        root = settings.data / "local"
        with FolderStore(root / "builds", BuildRecord) as records, FolderStore(root / "inputs", str) as texts:
            yield BuildStores(records, Inputs(texts), FolderObjects(root / "objects"))
        return
    async with connected(settings, "rebuild") as connection:
        yield BuildStores(
            NatsStore(connection, subjects.BUILDS, BuildRecord),
            Inputs(NatsStore(connection, subjects.INPUTS, str, compress=True)),
            NatsObjects(connection, ServiceCommitter(connection)),
        )


@dataclass(frozen=True, slots=True)
class Bench:
    """A private place to build in.

    Attributes:
        sandbox: how foreign code is contained there, `capability.SandboxLevel`.
    """

    workspace: Workspace
    compiler: Compiler
    comparer: Comparer
    sandbox: str


@asynccontextmanager
async def bench(settings: Settings, name: str, output: Output) -> AsyncIterator[Bench]:
    """A workspace with an empty compile cache; toolchains and modules are this machine's, and modules are verified.

    Everything in it is removed in the end, also after a kill, by the next command or builder that starts here.

    Raises:
        Refused: a sandbox is required, and this machine has none that is strong enough.
    """
    sandbox = machine.sandbox(settings)
    level = (await sandbox.strength()).level
    shared = settings.data.absolute() / "go"
    toolchains, network = Toolchains(shared, search_path()), await go_network(go_environment(), search_path())
    spaces = Workspaces(settings.data.absolute() / "work", machine.builder_id("rebuild"))
    try:
        with spaces.workspace(name) as workspace:
            folders = Folders(workspace.root / "go", shared / "mod")
            limits = machine.limits(settings)
            yield Bench(
                workspace,
                GoCompiler(toolchains, folders.data, network, limits, sandbox, store=folders.modules),
                GoComparer(toolchains, folders, network, sandbox, output, limits),
                level.value,
            )
    finally:
        spaces.close()
