"""Which builder may take which build, and in which order: rules without a clock, a queue or a broker.

Urgent builds first; among equally urgent ones the source of which the fleet does the least now, and of those the one
that has waited longest for its turn, so that ten thousand builds of one source never keep a single one of another
waiting; then the oldest. What is equal by all that is spread by a hash of builder and build, so that the builders of
a fleet do not race for one key.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.catalogue import BuilderState
from wombat_gitops.domain.gofailure import UNKNOWN
from wombat_gitops.domain.lifecycle import counted, is_internal
from wombat_gitops.domain.records import NO_SANDBOX, FailureKind
from wombat_gitops.domain.subjects import builder_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.domain.capability import Capabilities, Needs
    from wombat_gitops.domain.catalogue import BuilderPresence
    from wombat_gitops.domain.model import BuildSpec
    from wombat_gitops.domain.platforms import Platform
    from wombat_gitops.domain.records import BuildRecord, Failure


@dataclass(frozen=True, slots=True)
class Share:
    """What a source has of the fleet; people without a source share one.

    Attributes:
        running: its builds that run now.
        turn: when the last of them was started, in seconds since 1970; 0 where none is known.
    """

    running: int = 0
    turn: float = 0.0


NOTHING: Share = Share()

Turn = tuple[int, float, bytes]
Place = tuple[int, bytes, str]


def turn_of(source: str, share: Share, builder: str) -> Turn:
    """Order of sources that have builds of the same priority."""
    return (share.running, share.turn, spread(builder, source))


def place_of(record: BuildRecord, builder: str) -> Place:
    """Order of builds of one source and priority: by the second they were asked for in, then spread."""
    return (int(record.requested_at.timestamp()), spread(builder, record.id), record.id)


def order_of(record: BuildRecord, shares: Mapping[str, Share], builder: str) -> tuple[int, Turn, Place]:
    """Order of all builds that wait, as *builder* sees it; no two builds are equal."""
    source = record.origin.source
    return (-record.priority, turn_of(source, shares.get(source, NOTHING), builder), place_of(record, builder))


def order_for_all(waiting: Iterable[BuildRecord], shares: Mapping[str, Share]) -> list[BuildRecord]:
    """The order in which builders that can do everything take *waiting*, while nothing that runs ends.

    What each builder decides by a hash of its name is decided by the build's id here.
    """
    lines: defaultdict[int, defaultdict[str, list[BuildRecord]]] = defaultdict(lambda: defaultdict(list))
    for record in waiting:
        lines[record.priority][record.origin.source].append(record)
    running = {source: share.running for source, share in shares.items()}
    turns = {source: share.turn for source, share in shares.items()}
    latest = max(turns.values(), default=0.0)
    order: list[BuildRecord] = []
    for _, sources in sorted(lines.items(), reverse=True):
        for line in sources.values():
            line.sort(key=lambda record: (int(record.requested_at.timestamp()), record.id), reverse=True)
        heap = [(running.get(source, 0), turns.get(source, 0.0), source) for source in sources]
        heapq.heapify(heap)
        while heap:
            count, _, source = heapq.heappop(heap)
            order.append(sources[source].pop())
            latest += 1
            running[source], turns[source] = count + 1, latest
            if sources[source]:
                heapq.heappush(heap, (count + 1, latest, source))
    return order


def spread(builder: str, text: str) -> bytes:
    """A number that every builder draws differently and always in the same way."""
    return hashlib.blake2b(f"{builder} {text}".encode(), digest_size=8).digest()


def takes_platform(can: Capabilities, platform: Platform) -> bool:
    """Whether a builder builds for *platform*."""
    return not can.platforms or any(platform.matches(pattern) for pattern in can.platforms)


def takes_c(can: Capabilities, spec: BuildSpec) -> bool:
    """Whether a builder has the C compiler that *spec* may need."""
    return not spec.cgo or any(spec.platform.matches(pattern) for pattern in can.cgo)


def takes_memory(can: Capabilities, needs: Needs) -> bool:
    """Whether a builder gives one build as much memory as it needs."""
    return not can.memory or needs.memory <= can.memory


def missing_labels(can: Capabilities, needs: Needs) -> tuple[tuple[str, str], ...]:
    """The labels that a build wants and a builder lacks."""
    return tuple(label for label in needs.labels if label not in can.labels)


def contains_tests(can: Capabilities, spec: BuildSpec) -> bool:
    """Whether a builder runs the tests that *spec* may have: without a sandbox it fails them with `NO_SANDBOX`."""
    return not spec.tests or can.sandbox != SandboxLevel.NONE


def fits(can: Capabilities, record: BuildRecord) -> bool:
    """Whether a builder can do a build."""
    return (
        takes_platform(can, record.spec.platform)
        and takes_c(can, record.spec)
        and takes_memory(can, record.needs)
        and not missing_labels(can, record.needs)
    )


def blames_builder(failure: Failure) -> bool:
    """Whether a failure speaks against the builder's machine.

    Trouble of the network and of the broker does not: it most likely meets all builders at once.
    """
    if failure.reason == NO_SANDBOX:
        return False  # it is as its operator wants it
    return is_internal(failure) or (failure.kind is FailureKind.TRANSIENT and failure.reason == UNKNOWN)


def _fails_here_again(failure: Failure) -> bool:
    return failure.reason == NO_SANDBOX or blames_builder(failure)


def has_failed_here(record: BuildRecord, builder: str) -> bool:
    """Whether a builder, under whatever start, was lost with a build or failed it for a reason of its machine."""
    return any(
        builder_name(attempt.builder) == builder_name(builder)
        and (attempt.ended_as == "lost" or (attempt.failure is not None and _fails_here_again(attempt.failure)))
        for attempt in counted(record)
    )


def is_left_to_others(record: BuildRecord, builder: str, can: Capabilities) -> bool:
    """Whether a builder takes a build only where no other builder may succeed with it."""
    return not contains_tests(can, record.spec) or has_failed_here(record, builder)


def takers(record: BuildRecord, builders: Iterable[BuilderPresence]) -> list[BuilderPresence]:
    """The builders in service, busy or not, one of which takes a build; none where nobody can."""
    able = [each for each in builders if each.state is BuilderState.WORKING and fits(each.can, record)]
    return [each for each in able if not is_left_to_others(record, each.id, each.can)] or able
