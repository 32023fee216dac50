"""Ruling builders over the broker: the endpoints of the service, and those who ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wombat_gitops.adapters.nats.client import ask_patiently
from wombat_gitops.adapters.nats.retrying import PATIENCE
from wombat_gitops.adapters.nats.service import Route
from wombat_gitops.domain import subjects
from wombat_gitops.domain.messages import BuilderAnswer, BuilderRef

if TYPE_CHECKING:
    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.ports import Builders


def builder_routes(builders: Builders) -> tuple[Route[Any, Any], ...]:
    """Endpoints of the service by which operators rule builders."""

    async def drain(asked: BuilderRef) -> BuilderAnswer:
        return await builders.drain(asked.name)

    async def resume(asked: BuilderRef) -> BuilderAnswer:
        return await builders.resume(asked.name)

    drains, resumes = "let a builder take nothing more", "let a builder take builds again"
    return (
        Route("builder-drain", subjects.BUILDER_DRAIN, drains, BuilderRef, BuilderAnswer, drain),
        Route("builder-resume", subjects.BUILDER_RESUME, resumes, BuilderRef, BuilderAnswer, resume),
    )


class NatsBuilders:
    """`ports.Builders` by requests to the service."""

    def __init__(self, connection: Connection, *, seconds: float = PATIENCE) -> None:
        self._connection = connection
        self._seconds = seconds

    async def drain(self, name: str) -> BuilderAnswer:
        """Let a builder take nothing more. Raises `Refused` where *name* is none."""
        return await self._ask(subjects.BUILDER_DRAIN, name)

    async def resume(self, name: str) -> BuilderAnswer:
        """Let a builder take builds again. Raises `Refused` where *name* is none."""
        return await self._ask(subjects.BUILDER_RESUME, name)

    async def _ask(self, subject: str, name: str) -> BuilderAnswer:
        return await ask_patiently(self._connection, subject, BuilderRef(name), BuilderAnswer, self._seconds)
