"""Which roles are at work, judged from their heartbeats and how old these are.

Silence proves something only to an observer who could hear: while this process is cut off from the broker, and for
a lease afterwards, a role that was there before is neither alive nor gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from wombat_gitops.domain.catalogue import RolePresence
from wombat_gitops.domain.subjects import LEASE_SECONDS
from wombat_gitops.services.mirror import Mirror

if TYPE_CHECKING:
    from collections.abc import Callable


class Pulse(StrEnum):
    """What is known of a role."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"  # the observer has not listened for long enough


@dataclass(frozen=True, slots=True)
class RoleState:
    """A role over all its processes.

    Attributes:
        running: processes that renew their heartbeats.
        last: newest heartbeat, or the end of the process that ended last; None where there never was one.
    """

    pulse: Pulse
    running: tuple[RolePresence, ...] = ()
    last: datetime | None = None


class Listening:
    """Since when this process hears what others say.

    Args:
        monotonic: seconds that only grow.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._since: float | None = None

    def note(self, *, hears: bool) -> None:
        """Say whether it hears now; to be called about once a second."""
        if not hears:
            self._since = None
        elif self._since is None:
            self._since = self._monotonic()

    @property
    def proves(self) -> bool:
        """Whether it has listened for so long that who was not heard is gone."""
        return self._since is not None and self._monotonic() - self._since >= LEASE_SECONDS


class RollCall:
    """The heartbeats of services and watchers, by this process's own clock.

    Args:
        now: wall clock; only compared with a heartbeat's own time when the heartbeat is heard for the first time.
        monotonic: seconds that only grow, for what is decided.
    """

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float], listening: Listening) -> None:
        self._now = now
        self._monotonic = monotonic
        self._listening = listening
        self._seen: dict[str, float] = {}
        self._last: dict[str, datetime] = {}
        self._roles: dict[str, str] = {}
        self.mirror = Mirror[RolePresence](self._moved, same=_says_the_same)

    def state(self, role: str) -> RoleState:
        """What is known of a role."""
        oldest = self._monotonic() - LEASE_SECONDS
        known = {key: value for key, value in self.mirror.values.items() if value.role == role}
        running = tuple(value for key, value in sorted(known.items()) if self._seen[key] > oldest)
        last = self._last.get(role)
        if running:
            return RoleState(Pulse.ALIVE, running, last)
        gone = self._listening.proves or not known
        return RoleState(Pulse.GONE if gone else Pulse.UNKNOWN, (), last)

    def _moved(self, key: str, presence: RolePresence | None) -> None:
        if presence is None:
            self._seen.pop(key, None)
            role = self._roles.pop(key, "")
            self._last[role] = self._now()
            return
        first = key not in self._seen
        fresh = self._now() - presence.renewed_at < timedelta(seconds=LEASE_SECONDS)
        self._seen[key] = self._monotonic() if fresh or not first else float("-inf")
        self._roles[key] = presence.role
        last = self._last.get(presence.role)
        self._last[presence.role] = max(last, presence.renewed_at) if last else presence.renewed_at


def _says_the_same(one: RolePresence, other: RolePresence) -> bool:
    """Whether nothing but the heartbeat is new: it comes every few seconds, and no page need ask again for it."""
    return replace(one, renewed_at=other.renewed_at) == other
