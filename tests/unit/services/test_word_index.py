"""The index of words finds what the rule says, whatever came and went."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from wombat_gitops.domain.searching import Text, fold, rank, text_of
from wombat_gitops.services.word_index import WordIndex

NAMES = ("kafka_franz", "kafka", "redis", "sqlRaw", "http-server")
TOLD = ("reads Kafka", "a GitHub thing", "writes sql rows", "v4.76.0", "")
keys = st.sampled_from("abcd")
steps = st.lists(st.tuples(keys, st.none() | st.tuples(st.sampled_from(NAMES), st.sampled_from(TOLD))), max_size=12)
typed = st.sampled_from(
    ["kafka", "kafka franz", "kafkafranz", "raw", "s", "git", "hub r", "sql re", "4.7", "zzz", "--", ""]
)


@settings(deadline=None)
@given(steps, typed)
def test_it_finds_what_the_rule_says(steps: list[tuple[str, tuple[str, str] | None]], typed: str) -> None:
    """Each text by itself gives the same as the index of all."""
    index, known = WordIndex(), dict[str, Text]()
    for key, text in steps:
        if text is None:
            index.remove(key)
            known.pop(key, None)
        else:
            known[key] = text_of(*text)
            index.put(key, known[key])
    wanted = fold(typed)
    ranks = {key: rank(wanted, text) for key, text in known.items()} if wanted else {}
    assert index.ranks(wanted) == {key: found for key, found in ranks.items() if found is not None}
