"""The roles of a fleet, each until it is asked to stop."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import structlog

from wombat_gitops import __version__
from wombat_gitops.cli import running, text
from wombat_gitops.telemetry import configure_logging
from wombat_gitops.wiring import machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wombat_gitops.cli.options import Globals
    from wombat_gitops.settings import Settings

_log = structlog.get_logger()


def set_up_logging(settings: Settings, flags: Globals, role: str) -> None:
    """Structured logs on standard error, more or fewer of them as the options say, each with role and instance."""
    level = "debug" if flags.verbose else "warning" if flags.quiet else settings.log_level
    configure_logging(log_format=settings.log_format, level=level, color=text.colored(sys.stderr))
    structlog.contextvars.bind_contextvars(role=role, instance=machine.instance())


def run_role(name: str, settings: Settings, flags: Globals) -> None:
    """Run one role until SIGINT or SIGTERM; the second one forces it.

    A builder that ends its builds before it stops is in a hurry after the second one, and forced by the third.
    """
    set_up_logging(settings, flags, name)
    hurry = asyncio.Event() if name == "builder" and settings.stop_seconds else None
    role = _role(name, settings, hurry)

    async def work(stop: asyncio.Event) -> None:
        _log.info("role_started", version=__version__)
        await role(stop)
        _log.info("role_stopped")

    running.run_until_signal(work, lambda: _log.info("role_stopping"), hurry)


def _role(name: str, settings: Settings, hurry: asyncio.Event | None) -> Callable[[asyncio.Event], Awaitable[None]]:
    if name == "api":
        from wombat_gitops.api.server import run_api

        return lambda stop: run_api(settings, stop, lambda address: _log.info("api_listening", address=address))
    from wombat_gitops.wiring import single

    if name == "builder":
        return lambda stop: single.run_builder(settings, stop, hurry)
    role = {"service": single.run_service, "watcher": single.run_watcher}[name]
    return lambda stop: role(settings, stop)
