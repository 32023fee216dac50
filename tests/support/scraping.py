"""Reading what roles tell of themselves: metrics, probes, and logs of one JSON object a line."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from tests.support.system import Role


@dataclass(frozen=True)
class Scrape:
    """All samples of one scrape, by name and labels."""

    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]

    @property
    def names(self) -> set[str]:
        """Names of families, as they are in the table of metrics."""
        suffixes = ("_bucket", "_count", "_sum", "_created")
        found = set()
        for name, _ in self.samples:
            cut = next((name.removesuffix(suffix) for suffix in suffixes if name.endswith(suffix)), name)
            found |= {name, cut}
        return found

    def value(self, name: str, **labels: str) -> float:
        """One sample, or the sum of all that have these labels; 0 where there is none."""
        wanted = set(labels.items())
        return sum(value for (known, have), value in self.samples.items() if known == name and wanted <= have)


def fetch(url: str) -> tuple[int, str]:
    """Status and body of an answer, whatever it is."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def scrape(address: str) -> Scrape:
    """The metrics of a role."""
    status, body = fetch(f"{address}/metrics")
    assert status == 200
    return Scrape(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(body)
            for sample in family.samples
        }
    )


def events(role: Role) -> list[dict[str, Any]]:
    """Every line of a role's log. Raises `ValueError` where one is no JSON object."""
    return [json.loads(line) for line in role.said.splitlines() if line.startswith("{")]


def probes_of(role: Role) -> str:
    """Where the metrics of a role are, as soon as its log tells."""
    return str(next((event["address"] for event in events(role) if event["event"] == "probes_listening"), ""))
