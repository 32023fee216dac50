"""What people type finds what they mean, and the best first."""

import pytest

from wombat_gitops.domain.searching import Rank, fold, nearest, rank, text_of

KAFKA = text_of("kafka_franz", "A Kafka input that uses the Franz library, as in GitHub's example.com/m/v4.76.0")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("kafka_franz", Rank.EXACT),
        ("kafka franz", Rank.EXACT),
        ("KAFKA-Franz", Rank.EXACT),
        ("kafkafranz", Rank.EXACT),
        ("KafkaFranz", Rank.EXACT),
        ("kaf", Rank.PREFIX),
        ("kafka f", Rank.PREFIX),
        ("franz", Rank.WORD),
        ("franz kafka", Rank.WORD),
        ("fra kaf", Rank.BEGINNING),
        ("ranz", Rank.PART),
        ("library", Rank.TEXT),
        ("lib kafka", Rank.TEXT),
        ("github", Rank.TEXT),
        ("hub", Rank.TEXT),
        ("v4.76", Rank.TEXT),
        ("brary", None),
        ("kafka redis", None),
    ],
)
def test_how_well_it_fits(typed: str, expected: Rank | None) -> None:
    """Every word has to be found: in a name also its parts, in prose the beginnings of words."""
    assert rank(fold(typed), KAFKA) is expected


def test_humps_part_words_of_names() -> None:
    """A name in camel case is found by its words and as a whole."""
    text = text_of("HTTPServerTLS")
    found = [rank(fold(typed), text) for typed in ("http server", "httpserver", "server", "HTTPServerTLS")]
    assert found == [Rank.PREFIX, Rank.PREFIX, Rank.WORD, Rank.EXACT]


@pytest.mark.parametrize("typed", ["kafk_frans", "kafka-frnz", "KafkaFrantz"])
def test_a_slip_leads_to_the_name_that_was_meant(typed: str) -> None:
    """However its words are parted."""
    assert nearest(typed, ["redis", "kafka_franz", "nats"]) == ("kafka_franz",)


def test_nothing_is_suggested_for_what_is_like_nothing() -> None:
    """A wrong suggestion is worse than none."""
    assert nearest("zzzz", ["redis", "kafka_franz"]) == ()
