"""The project's own counterfactual training texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from math import gcd

import pytest

from models.sentiment.fairness import augmentation, spelling
from models.sentiment.fairness.augmentation import own_examples


def test_the_labels_are_balanced_and_no_text_comes_twice() -> None:
    examples = own_examples()
    per_label = Counter(example.label for example in examples)
    assert set(per_label) == {0, 1, 2}
    assert len(set(per_label.values())) == 1
    assert 2000 <= len(examples) <= 4000
    assert len({example.text for example in examples}) == len(examples)
    assert {(example.binary, example.source) for example in examples} == {(False, "own_templates")}


def test_every_slot_is_filled() -> None:
    assert not [example for example in own_examples() if set("{}") & set(example.text)]


def test_the_texts_are_the_same_each_time() -> None:
    assert own_examples() == own_examples()


def test_no_name_belongs_to_a_label() -> None:
    for name in augmentation.NAMES:
        labels = Counter(
            example.label
            for example in own_examples()
            if re.search(rf"\b{name}\b", example.text, re.IGNORECASE)
        )
        assert set(labels) == {0, 1, 2}
        assert max(labels.values()) <= 1.5 * min(labels.values()) + 1


@pytest.mark.parametrize(
    "words",
    [
        augmentation.NAMES,
        augmentation.RELATIVES,
        augmentation.IDENTITIES,
        augmentation.PRONOUNS,
    ],
)
def test_no_word_keeps_to_one_spelling(words: tuple[object, ...]) -> None:
    assert len(set(words)) == len(words)
    assert gcd(len(words), 10) == 1


@pytest.mark.parametrize(
    ("rewrite", "text", "expected"),
    [
        (spelling.lower_case, "I'm HERE, Tom.", "i'm here, tom."),
        (spelling.without_apostrophes, "I don't; it\u2019s", "I dont; its"),
        (spelling.american, "Grey tyres, cancelled.", "Gray tires, canceled."),
        (
            spelling.casual,
            "Please tell me if you are going to ring.",
            "Pls tell me if u r gonna ring.",
        ),
        (spelling.without_articles, "The bag in a box, then an egg.", "Bag in box, then egg."),
    ],
)
def test_a_spelling_changes_what_it_says_and_nothing_else(
    rewrite: Callable[[str], str], text: str, expected: str
) -> None:
    assert rewrite(text) == expected
    assert rewrite("xyz 12!") == "xyz 12!"
