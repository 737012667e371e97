"""Readers and writers must mean the same by a tag."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.domain import cache_tags

CHANNELS = ("email", "chat")
SENTIMENTS = ("positive", "pending")
CUSTOMERS = ("c-1", "c-2")


@pytest.mark.parametrize(
    ("customer", "channel", "sentiment"),
    list(product((None, *CUSTOMERS), (None, *CHANNELS), (None, *SENTIMENTS))),
)
def test_whatever_shows_in_a_list_has_one_of_its_tags(
    customer: str | None, channel: str | None, sentiment: str | None
) -> None:
    tags = cache_tags.of_list("acme", customer_id=customer, channel=channel, sentiment=sentiment)
    for image in product(CUSTOMERS, CHANNELS, SENTIMENTS):
        asked = (customer, channel, sentiment)
        shows = all(wanted in (None, found) for wanted, found in zip(asked, image, strict=True))
        changed = cache_tags.of_interaction("acme", image[0], image[1], image[2])
        if shows:
            assert changed & set(tags)
    assert cache_tags.of_removal("acme") & set(tags)


def test_a_change_elsewhere_leaves_a_list_alone() -> None:
    mine = set(cache_tags.of_list("acme", customer_id="c-1", channel=None, sentiment=None))
    assert not mine & cache_tags.of_interaction("acme", "c-2", "email", "pending")
    assert not mine & cache_tags.of_interaction("globex", "c-1", "email", "pending")


def test_the_narrowest_filter_is_the_tag() -> None:
    narrow = cache_tags.of_list("acme", customer_id="c", channel="chat", sentiment="neutral")
    assert cache_tags.of_customer("acme", "c") in narrow
    assert cache_tags.of_channel("acme", "chat") not in narrow


@given(st.text(), st.text(), st.text())
def test_tags_of_different_kinds_are_never_alike(tenant: str, left: str, right: str) -> None:
    kinds = (cache_tags.of_customer, cache_tags.of_channel, cache_tags.of_sentiment)
    if ":" not in tenant:
        made = {kind(tenant, left) for kind in kinds} | {cache_tags.everything(tenant)}
        assert len(made) == len(kinds) + 1
        of = cache_tags.of_customer
        assert left == right or of(tenant, left) != of(tenant, right)


def test_generations_are_never_the_same() -> None:
    assert len({cache_tags.new_generation() for _ in range(1_000)}) == 1_000
