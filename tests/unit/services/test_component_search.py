"""Which components are found, in which order, and whose description is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.stage import built, queued_build
from wombat_gitops.domain.errors import NotFound, Refused
from wombat_gitops.domain.reference import Entry, Field, Parameter
from wombat_gitops.services.component_search import Board, ComponentQuery

if TYPE_CHECKING:
    from wombat_gitops.domain.records import BuildRecord

ENTRIES = (
    Entry("input", "kafka", status="deprecated", summary="Reads topics."),
    Entry("input", "kafka_franz", summary="Reads topics with another client."),
    Entry("input", "file", summary="Reads files."),
    Entry("output", "kafka", summary="Writes topics."),
    Entry("output", "redpanda", summary="Writes to a broker that speaks Kafka.", categories=("Services",)),
    Entry("processor", "rate_limit", summary="Waits."),
    Entry("processor", "redis_kafka_bridge", summary="Both."),
    Entry(
        "cache",
        "redis",
        package="e.com/m/public/components/redis",
        fields=(Field("kafka_address", "kafka_address", ""),),
    ),
    Entry("bloblang-method", "slice", parameters=(Parameter("low", description="Where it begins."),)),
)


def program(name: str, number: int = 0) -> BuildRecord:
    return built(queued_build(number, name=name), name.encode())


BOARD = Board([(program("new"), ENTRIES), (program("old", 1), (replace(ENTRIES[2], summary="As it was."),))])


def found(**query: object) -> list[str]:
    page = BOARD.page(ComponentQuery(**query))  # type: ignore[arg-type]
    return [f"{one.entry.kind} {one.entry.name}" for one in page.items]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        # An exact name, also of a deprecated one, comes before a beginning, a part, the summary and other text.
        (
            "kafka",
            [
                "output kafka",
                "input kafka",
                "input kafka_franz",
                "processor redis_kafka_bridge",
                "output redpanda",
                "cache redis",
            ],
        ),
        ("KAFKA input", ["input kafka", "input kafka_franz"]),
        ("rate limit", ["processor rate_limit"]),
        ("services", ["output redpanda"]),
        ("begins", ["bloblang-method slice"]),
        ("red", ["output redpanda", "processor redis_kafka_bridge", "cache redis"]),
        ("kafka nonsense", []),
    ],
)
def test_the_best_match_comes_first(text: str, first: list[str]) -> None:
    assert found(q=text)[: len(first)] == first
    assert first or not found(q=text)


def test_without_words_they_come_by_kind_and_name() -> None:
    """As people look for them in a list; a deprecated one keeps its place."""
    assert found()[:4] == ["input file", "input kafka", "input kafka_franz", "output kafka"]
    assert found(package="redis") == found(package="e.com/m/public/components/redis") == ["cache redis"]
    assert found(package="edis") == []


def test_facets_say_what_choosing_would_find() -> None:
    """Each value of a filter, with as many as a list with it has; a distribution counts in its own words."""
    for query in (
        {},
        {"q": "reads"},
        {"q": "was"},
        {"kind": "input"},
        {"distribution": "old"},
        {"status": "deprecated", "q": "kafka"},
    ):
        facets = BOARD.page(ComponentQuery(**query)).facets  # type: ignore[arg-type]
        for name, values in (("kind", facets.kind), ("status", facets.status), ("distribution", facets.distribution)):
            for value, count in values.items():
                assert len(found(**{**query, name: value})) == count, (query, name, value)


def test_the_preferred_description_is_shown_and_others_are_had_by_name() -> None:
    shown, variants = BOARD.get("input", "file")
    assert (shown.distribution, [each.distribution for each in variants]) == ("new", ["new", "old"])
    assert BOARD.get("input", "file", "old")[0].entry.summary == "As it was."
    page = BOARD.page(ComponentQuery(q="file", kind="input"))
    assert [(one.entry.summary, list(one.distributions)) for one in page.items] == [("Reads files.", ["new", "old"])]
    for name, hint in (("files", "did you mean `input file`?"), ("slice", "did you mean `bloblang-method slice`?")):
        with pytest.raises(NotFound) as caught:
            BOARD.get("input", name)
        assert caught.value.hint == hint
    with pytest.raises(NotFound, match="`old` has no input `kafka`"):
        BOARD.get("input", "kafka", "old")


@pytest.mark.parametrize("cursor", ["nonsense", "1.0.3", "1.2.3.x", "a.0.1.x", "1.0.1.x y"])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Refused, match="not from a list of components"):
        found(cursor=cursor)


def test_a_page_goes_on_where_it_was_although_its_last_component_is_gone() -> None:
    """A cursor is a place in the order and not an entry."""
    page = BOARD.page(ComponentQuery(limit=2))
    less = Board([(program("new"), [entry for entry in ENTRIES if entry.name != "kafka"])])
    rest = less.page(ComponentQuery(cursor=page.next))
    assert [one.entry.name for one in rest.items][:2] == ["kafka_franz", "redpanda"]
    assert Board().page(ComponentQuery()).total == 0
