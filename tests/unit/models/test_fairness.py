"""The swaps of the fairness gate, what is measured, and what fails."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from customerai.domain.sentiment import SentimentLabel
from models.sentiment.commands import fairness as command
from models.sentiment.commands import main
from models.sentiment.fairness import augmentation, dialects, people
from models.sentiment.fairness import augmentation_sentences as sentences
from models.sentiment.fairness.gate import judge, summary
from models.sentiment.fairness.limits import FairnessLimits, breaches
from models.sentiment.fairness.measurement import Classify, measure
from models.sentiment.fairness.swaps import Comparison, Variant, comparisons, fill
from models.sentiment.fairness.templates import TEMPLATES, Template
from models.sentiment.labels import LABELS

SLOT = re.compile(r"\{(\w+)\}")
WORDS: dict[str, list[str]] = {
    "name": [name for names in people.NAMES.values() for name in names],
    "relative": [word for words in people.RELATIVES.values() for word in words],
    "identity": [word for words in people.IDENTITIES.values() for word in words],
}


def answers(scores: Sequence[float]) -> npt.NDArray[np.float64]:
    """Probabilities whose score, positive less negative, is as given; a fifth stays neutral."""
    score = np.asarray(scores)
    return np.stack([0.4 - score / 2, np.full(len(score), 0.2), 0.4 + score / 2], axis=1)


def indifferent(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    return answers([0.3] * len(texts))


def against(words: Sequence[str], by: float) -> Classify:
    """A model that takes `by` off the score of every text that holds one of `words`."""
    pattern = re.compile(r"\b(?:" + "|".join(words) + r")\b")
    return lambda texts: answers([0.3 - by * bool(pattern.search(text)) for text in texts])


# The templates


def test_the_labels_and_the_contexts_are_in_balance() -> None:
    assert len(TEMPLATES) >= 60
    assert len({template.text for template in TEMPLATES}) == len(TEMPLATES)
    assert len(set(Counter(template.label for template in TEMPLATES).values())) == 1
    contexts = Counter(template.context for template in TEMPLATES)
    assert set(contexts) == {"service", "retail", "travel", "health", "banking", "software"}
    assert max(contexts.values()) - min(contexts.values()) <= 3
    per_dialect = Counter(wording.label for wording in dialects.AFRICAN_AMERICAN_ENGLISH)
    assert per_dialect == Counter(wording.label for wording in dialects.INDIAN_ENGLISH)
    assert len(set(per_dialect.values())) == 1


def test_nothing_of_the_gate_is_learned_from() -> None:
    own = {example.text.lower() for example in augmentation.own_examples()}
    asked = {
        text.lower()
        for comparison in comparisons()
        for text in (comparison.standard, *(variant.text for variant in comparison.variants))
        if text is not None
    }
    assert not own & asked
    skeletons = {SLOT.sub("", template.text).lower() for template in TEMPLATES}
    for sentence in (*sentences.NEGATIVE, *sentences.NEUTRAL, *sentences.POSITIVE):
        assert SLOT.sub("", sentence).lower() not in skeletons
    assert not set(augmentation.NAMES) & set(WORDS["name"])


def test_the_names_are_enough_and_each_belongs_to_one_group() -> None:
    assert len(people.NAMES) >= 10
    assert all(len(names) >= 8 for names in people.NAMES.values())
    for words in WORDS.values():
        assert len(set(words)) == len(words)


# The swaps


@pytest.mark.parametrize("slot", WORDS)
def test_a_swap_changes_the_slot_and_nothing_else(slot: str) -> None:
    swapped = [template for template in TEMPLATES if f"{{{slot}}}" in template.text]
    assert swapped
    for template in swapped:
        around = fill(template, **{slot: "\0"}).split("\0")
        assert len(around) >= 2
        for word in WORDS[slot]:
            assert fill(template, **{slot: word}) == word.join(around)


def test_every_slot_of_every_comparison_is_filled() -> None:
    for comparison in comparisons():
        assert comparison.variants
        for variant in comparison.variants:
            assert not set("{}\0") & set(variant.text)


@pytest.mark.parametrize(
    ("pronoun", "sentence"),
    [
        ("she", "Her bag? I gave it to her and she left."),
        ("he", "His bag? I gave it to him and he left."),
        ("they", "Their bag? I gave it to them and they left."),
    ],
)
def test_pronouns_go_by_case(pronoun: str, sentence: str) -> None:
    template = Template(
        "service", SentimentLabel.NEUTRAL, "{Their} bag? I gave it to {them} and {they} left."
    )
    they, them, their = people.PRONOUNS[pronoun]
    assert fill(template, they=they, them=them, their=their) == sentence


def test_every_group_is_compared_on_every_axis_it_belongs_to() -> None:
    groups: dict[str, set[str]] = {}
    for comparison in comparisons():
        groups.setdefault(comparison.axis, set()).update(
            variant.group for variant in comparison.variants
        )
    assert groups["names"] == set(people.NAMES)
    assert groups["relatives"] == set(people.RELATIVES)
    assert groups["identities"] == set(people.IDENTITIES)
    assert groups["pronouns"] == set(people.PRONOUNS)
    assert groups["dialect"] == {"African American English", "Indian English"}
    assert len(groups["spelling"]) == 6


def test_a_respelling_differs_from_what_it_is_held_against() -> None:
    for comparison in comparisons():
        if comparison.standard is not None:
            assert comparison.standard not in {variant.text for variant in comparison.variants}


def test_the_comparisons_are_the_same_each_time() -> None:
    assert comparisons() == comparisons()


# What is measured


def test_shift_flips_and_bias_are_those_of_the_definition() -> None:
    scores = {"a": 0.6, "b": 0.0, "c": -0.6, "plain": 0.5, "ain't": -0.1}
    statements = [
        Comparison(
            "names",
            SentimentLabel.POSITIVE,
            None,
            (Variant("first", "a"), Variant("second", "b"), Variant("second", "c")),
        ),
        Comparison("dialect", SentimentLabel.POSITIVE, "plain", (Variant("spoken", "ain't"),)),
    ]
    measured = measure(statements, lambda texts: answers([scores[text] for text in texts]))
    names = measured["names"]
    # Their mean is 0.4, 0.2, 0.4: a tie, which is negative by the order of the classes.
    assert names["all"]["pairs"] == 3
    assert names["all"]["mean_shift"] == pytest.approx(0.4)
    assert names["all"]["most_shift"] == pytest.approx(0.6)
    assert names["all"]["bias"] == pytest.approx(0.0)
    assert names["groups"]["first"]["bias"] == pytest.approx(0.6)
    assert names["groups"]["second"]["bias"] == pytest.approx(-0.3)
    assert names["groups"]["first"]["accuracy"] == 1.0
    assert names["groups"]["second"]["accuracy"] == 0.0
    spoken = measured["dialect"]["groups"]["spoken"]
    assert spoken["flip_rate"] == 1.0
    assert spoken["bias"] == pytest.approx(-0.6)
    worst = measured["dialect"]["worst"]
    assert [(one["text"], one["label"], one["expected"]) for one in worst] == [
        ("ain't", "negative", "positive")
    ]


def test_every_text_is_asked_once() -> None:
    asked: list[str] = []

    def remember(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        asked.extend(texts)
        return indifferent(texts)

    measure(comparisons(), remember)
    assert len(asked) == len(set(asked))
    assert len(asked) > 5000


# The verdict


def test_a_model_that_does_not_care_who_speaks_passes() -> None:
    verdict = judge(indifferent, FairnessLimits(), comparisons())
    assert verdict["breaches"] == []
    assert verdict["passed"]
    assert all(report["all"]["most_shift"] == 0 for report in verdict["axes"].values())


@pytest.mark.parametrize(
    ("words", "by", "expected"),
    [
        (people.NAMES["Black American men"], 0.6, "names, Black American men: flip rate 1.0000"),
        (people.NAMES["Indian women"], 0.1, "names, Indian women: bias -0.0"),
        (("he", "him", "his", "He", "His"), 0.2, "pronouns, he: bias -0.1"),
        (people.RELATIVES["women"], 0.2, "relatives, women: bias -0.1"),
        (people.IDENTITIES["disability"], 0.3, "identities, disability: bias -0.2"),
        (("ain't", "Ain't", "be", "finna", "Y'all", "done"), 0.9, "dialect, African American"),
        (("Alex",), 0.9, "spelling: flip rate"),
    ],
)
def test_a_model_that_minds_is_refused_and_the_line_says_whom(
    words: Sequence[str], by: float, expected: str
) -> None:
    verdict = judge(against(words, by), FairnessLimits(), comparisons())
    assert not verdict["passed"]
    assert any(line.startswith(expected) for line in verdict["breaches"]), verdict["breaches"]


def test_a_single_name_that_is_hated_is_seen() -> None:
    verdict = judge(against(("Fatima",), 1.0), FairnessLimits(), comparisons())
    assert any(line.startswith("names: largest shift") for line in verdict["breaches"])
    assert {one["group"] for one in verdict["axes"]["names"]["worst"]} == {
        "Arabic and Muslim women"
    }
    assert all("Fatima" in one["text"] for one in verdict["axes"]["names"]["worst"])


def test_each_limit_is_inclusive() -> None:
    measured = measure(comparisons(), indifferent)
    measured["names"]["all"]["flip_rate"] = FairnessLimits().names.flip_rate
    assert breaches(measured, FairnessLimits()) == []
    stricter = replace(FairnessLimits().names, flip_rate=0.0)
    assert len(breaches(measured, replace(FairnessLimits(), names=stricter))) == 1


def test_an_axis_that_was_not_measured_is_no_pass() -> None:
    names_only = [comparison for comparison in comparisons() if comparison.axis == "names"]
    with pytest.raises(KeyError):
        judge(indifferent, FairnessLimits(), names_only)


def test_the_summary_keeps_the_figures_and_leaves_out_the_texts() -> None:
    kept = summary(judge(against(("Alex",), 0.9), FairnessLimits(), comparisons()))
    assert set(kept) == {"names", "relatives", "identities", "pronouns", "spelling", "dialect"}
    assert set(kept["names"]["groups"]) == set(people.NAMES)
    assert "Alex" not in json.dumps(kept)


# The command


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every axis, with a statement or two for each: the real model answers in a second."""
    first = {comparison.axis: comparison for comparison in reversed(comparisons())}
    shorter = [one._replace(variants=one.variants[:8]) for one in first.values()]
    monkeypatch.setattr(command, "comparisons", lambda: shorter)


@pytest.mark.usefixtures("few")
def test_the_command_prints_one_object_and_its_code_is_the_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["fairness"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["tier"] == "full"
    assert printed["model"]
    assert code == (0 if printed["passed"] else 1)
    assert printed["passed"] == (printed["breaches"] == [])
    movement = printed["axes"]["names"]["all"]
    assert movement["pairs"] == 8
    assert 0 <= movement["mean_shift"] <= movement["most_shift"] <= 2
    assert {one["label"] for one in printed["axes"]["names"]["worst"]} <= set(LABELS)


@pytest.mark.usefixtures("few")
def test_the_code_is_1_beyond_a_limit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    impossible = replace(FairnessLimits().names, mean_shift=-1.0)
    monkeypatch.setattr(command, "limits_of", lambda tier: FairnessLimits(names=impossible))
    assert main(["fairness"]) == 1
    assert "names: mean shift" in "".join(json.loads(capsys.readouterr().out)["breaches"])
