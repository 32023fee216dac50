"""One valid default of each value; tests say only what matters to them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from wombat_gitops.domain.identity import digest
from wombat_gitops.domain.messages import BuildRequest
from wombat_gitops.domain.model import BuildSpec
from wombat_gitops.domain.platforms import Platform

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
GO_MOD = "module distribution\n\ngo 1.26.0\n\nrequire github.com/redpanda-data/benthos/v4 v4.76.0\n"
GO_SUM = "github.com/redpanda-data/benthos/v4 v4.76.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

SPEC = BuildSpec(
    name="tiny",
    version="1.0.0",
    date=datetime(2026, 10, 1, tzinfo=UTC),
    platform=Platform.parse("linux/amd64"),
    toolchain="1.26.6",
    packages=(
        "github.com/redpanda-data/benthos/v4/public/components/io",
        "github.com/redpanda-data/benthos/v4/public/components/pure",
    ),
    go_mod=digest(GO_MOD),
    go_sum=digest(GO_SUM),
)


def make_spec(**changes: object) -> BuildSpec:
    """A spec like `SPEC` but for *changes*."""
    return replace(SPEC, **changes)  # type: ignore[arg-type]


def make_request(**changes: object) -> BuildRequest:
    """A request for `make_spec(**changes)` with its module files."""
    return BuildRequest(make_spec(**changes), GO_MOD, GO_SUM)


class ManualClock:
    """Wall clock and monotonic clock that move when told."""

    def __init__(self) -> None:
        self.now = NOW
        self.seconds = 1000.0

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.seconds

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.seconds += seconds
