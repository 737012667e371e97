"""The artefact and the predictor together, on sentences of our own."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from customerai.domain.sentiment import SentimentLabel
from models.encoder.sessions import MICRO_BATCH, micro_batches
from models.sentiment.predictor import (
    SentimentPredictor,
    WindowLogits,
    combine,
)

NEGATIVE = SentimentLabel.NEGATIVE
NEUTRAL = SentimentLabel.NEUTRAL
POSITIVE = SentimentLabel.POSITIVE

FACT = "The parcel has the number 4711 and the box is 30 cm wide. "
COMPLAINT = "This is the worst service I have ever had, I am furious and I want my money back! "


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("The kettle leaked all over the kitchen and support hung up on me twice.", NEGATIVE),
        ("I am bitterly disappointed; the straps tore after a single walk.", NEGATIVE),
        ("Three weeks without an answer. Give me my refund, this is a disgrace.", NEGATIVE),
        ("What are your opening hours on Monday?", NEUTRAL),
        ("Please send the invoice for order 5521 to our office.", NEUTRAL),
        ("Wonderful boots, warm and light, I would buy them again in a heartbeat.", POSITIVE),
        ("Your technician was kind, quick and explained everything. Thank you so much!", POSITIVE),
        ("Best headphones I have owned, the sound is gorgeous.", POSITIVE),
    ],
)
def test_plain_sentences_get_the_label_a_reader_would_give(
    predictor: SentimentPredictor, text: str, label: SentimentLabel
) -> None:
    scores = predictor.predict([text])[0]
    assert max(scores, key=lambda name: scores[name]) is label


def test_scores_are_probabilities_in_the_order_of_the_texts(predictor: SentimentPredictor) -> None:
    good, bad = "I love this jacket, it is perfect.", "I hate this jacket, it is awful."
    texts = [good, bad] * 9 + [FACT * 40, bad]
    results = predictor.predict(texts)
    labels = [max(scores, key=lambda name: scores[name]) for scores in results]
    assert labels[:18] == [POSITIVE, NEGATIVE] * 9
    assert labels[-1] is NEGATIVE
    for scores in results:
        assert list(scores) == [NEGATIVE, NEUTRAL, POSITIVE]
        assert sum(scores.values()) == pytest.approx(1.0, abs=1e-9)
        assert all(0.0 <= score <= 1.0 for score in scores.values())


def test_the_same_list_gets_the_same_scores(predictor: SentimentPredictor) -> None:
    texts = [FACT, COMPLAINT, FACT * 30, "Lovely."]
    assert predictor.predict(texts) == predictor.predict(texts)


def test_a_text_keeps_nearly_the_same_scores_in_any_company(predictor: SentimentPredictor) -> None:
    alone = predictor.probabilities([COMPLAINT])[0]
    in_company = predictor.probabilities([COMPLAINT, "Lovely, thanks.", FACT, FACT * 3])[0]
    assert np.abs(alone - in_company).max() < 0.1


def test_a_decisive_sentence_after_eight_thousand_characters_counts(
    predictor: SentimentPredictor,
) -> None:
    facts = FACT * (8000 // len(FACT) + 1)
    calm, upset = predictor.predict([facts, facts + COMPLAINT * 3])
    assert upset[NEGATIVE] > calm[NEGATIVE] + 0.1


def test_every_window_of_a_text_of_ten_thousand_characters_is_read(
    predictor: SentimentPredictor,
) -> None:
    text = (FACT * 200)[:10_000]
    answers = predictor.window_logits([text, "short"])
    assert np.sum(answers.owner == 0) > 15
    assert np.sum(answers.owner == 1) == 1
    assert answers.length.max() <= 126


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \t\r\n\u00a0\u2003",
        "\u200b\u200d\ufeff",
        "\x00\x01\x1b",
        "\ud83d\ude00"[0],
        "\U0001f621" * 300,
        "e\u0301" * 500,
        "\u6771\u4eac\u306e\u5929\u6c17" * 400,
        "\u0645\u0631\u062d\u0628\u0627 \u0628\u0643",
        "x" * 10_000,
        "!" * 10_000,
        "&amp;&#0;&#x110000;",
    ],
    ids=lambda text: f"{len(text)} of {text[:1]!a}",
)
def test_odd_texts_get_scores_too(predictor: SentimentPredictor, text: str) -> None:
    scores = predictor.predict([text])[0]
    assert sum(scores.values()) == pytest.approx(1.0, abs=1e-9)


def test_a_text_without_a_token_is_neutral(predictor: SentimentPredictor) -> None:
    blank, said = predictor.predict(["   ", "Terrible, simply terrible."])
    assert blank == {NEGATIVE: 0.0, NEUTRAL: 1.0, POSITIVE: 0.0}
    assert said[NEGATIVE] > 0.5


def test_no_texts_give_no_scores(predictor: SentimentPredictor) -> None:
    assert predictor.predict([]) == []


def test_combine_keeps_a_single_window_and_weighs_opinion_over_facts() -> None:
    logits = np.array([[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [4.0, 0.0, 0.0]])
    owner, length = np.array([0, 1, 1]), np.array([10, 100, 100])
    probabilities = combine(WindowLogits(2, logits, owner, length), temperature=2.0)
    single = np.exp([1.0, 0.0, 0.0]) / np.exp([1.0, 0.0, 0.0]).sum()
    assert probabilities[0] == pytest.approx(single)
    assert probabilities[1, 0] > 0.6
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(2))


def test_micro_batches_hold_every_row_once_in_groups_of_near_equal_length() -> None:
    lengths = [5, 120, 6, 118, 40, 5, 122, 6, 119, 5, 41]
    batches = micro_batches(lengths)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert max(map(len, batches)) <= MICRO_BATCH
    for batch in batches:
        sizes = [lengths[row] for row in batch]
        assert max(sizes) <= 1.25 * min(sizes)
    assert lengths[batches[0][0]] == 122


def test_the_predictor_needs_neither_torch_nor_pyarrow() -> None:
    code = (
        "import sys, models.sentiment.predictor, models.serving.app\n"
        "print(sorted({'torch', 'pyarrow', 'boto3'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
