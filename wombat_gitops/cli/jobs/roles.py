"""The roles of a fleet, each until it is asked to stop."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import structlog

from wombat_gitops.cli import running, text
from wombat_gitops.telemetry import configure_logging

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from wombat_gitops.cli.options import Globals
    from wombat_gitops.settings import Settings

_log = structlog.get_logger()


def set_up_logging(settings: Settings, flags: Globals) -> None:
    """Structured logs on standard error, more or fewer of them as the options say."""
    level = "debug" if flags.verbose else "warning" if flags.quiet else settings.log_level
    configure_logging(log_format=settings.log_format, level=level, color=text.colored(sys.stderr))


def run_role(name: str, settings: Settings, flags: Globals) -> None:
    """Run one role until SIGINT or SIGTERM; the second one forces it."""
    set_up_logging(settings, flags)
    role = _role(name, settings)

    async def work(stop: asyncio.Event) -> None:
        _log.info("role_started", role=name)
        await role(stop)
        _log.info("role_stopped", role=name)

    running.run_until_signal(work, lambda: _log.info("role_stopping", role=name))


def _role(name: str, settings: Settings) -> Callable[[asyncio.Event], Awaitable[None]]:
    if name == "api":
        from wombat_gitops.api.server import run_api

        return lambda stop: run_api(settings, stop, lambda address: _log.info("api_listening", address=address))
    from wombat_gitops.wiring import single

    role = {"service": single.run_service, "builder": single.run_builder, "watcher": single.run_watcher}[name]
    return lambda stop: role(settings, stop)
