"""From the categories of others to our intents and urgency."""

from __future__ import annotations

from pathlib import Path

import pytest

from customerai.domain.analysis import Intent, Urgency
from models.intents.banking import BANKING77
from models.intents.sources import OWN, bitext_label, labelled, review_label


def test_all_77_categories_of_the_bank_are_mapped() -> None:
    assert len(BANKING77) == 77
    assert BANKING77["compromised_card"] == (None, Urgency.HIGH)


@pytest.mark.parametrize(
    ("category", "text", "intent"),
    [
        ("ORDER", "canceling purchase 123", Intent.CANCELLATION),
        ("ORDER", "add an item to purchase 123", Intent.ORDER),
        ("ACCOUNT", "delete my profile", Intent.CANCELLATION),
        ("FEEDBACK", "where do I file a complaint", Intent.COMPLAINT),
        ("FEEDBACK", "where do I leave a review", None),
        ("SOMETHING NEW", "hello", None),
    ],
)
def test_categories_that_hold_two_intents_are_split(
    category: str, text: str, intent: Intent | None
) -> None:
    assert bitext_label(category, text)[0] is intent


def test_a_bad_review_says_nothing_of_urgency() -> None:
    assert review_label("negative", "") == (Intent.COMPLAINT, None)
    assert review_label("positive", "") == (Intent.PRAISE, Urgency.LOW)


def test_our_own_sentences_are_labelled_and_split() -> None:
    own = labelled(OWN, Path())
    assert len(own.text) == len(own.label) == len(own.test)
    assert all(intent and urgency for intent, urgency in own.label)
    assert 0 < sum(own.test) < len(own.test)
