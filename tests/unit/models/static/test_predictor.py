"""The artefact and the predictor together, on sentences of our own."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customerai_static import StaticSentiment

NEGATIVE, NEUTRAL, POSITIVE = range(3)

FACT = "The parcel has the number 4711 and the box is 30 cm wide. "
TEXTS = [
    "The kettle leaked all over the kitchen and support hung up on me twice.",
    "Wonderful boots, warm and light, I would buy them again in a heartbeat.",
    FACT * 40,
    "",
    "Not good &amp; not cheap either, @shop! https://example.org",
    "\ud83d",
    "ok",
    FACT,
]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I am bitterly disappointed; the straps tore after a single walk.", NEGATIVE),
        ("Three weeks without an answer. Give me my refund, this is a disgrace.", NEGATIVE),
        ("This is not good at all, it does not work.", NEGATIVE),
        ("Wonderful boots, warm and light, I would buy them again in a heartbeat.", POSITIVE),
        ("Your technician was kind, quick and explained everything. Thank you so much!", POSITIVE),
        ("Best headphones I have owned, the sound is gorgeous.", POSITIVE),
    ],
)
def test_plain_sentences_get_the_label_a_reader_would_give(
    static: StaticSentiment, text: str, label: int
) -> None:
    assert static.probabilities([text])[0].argmax() == label


@settings(deadline=None)
@given(st.permutations(range(len(TEXTS))), st.integers(1, len(TEXTS)))
def test_a_text_gets_the_same_answer_alone_and_in_any_company(
    static: StaticSentiment, order: list[int], count: int
) -> None:
    chosen = [TEXTS[row] for row in order[:count]]
    together = static.probabilities(chosen)
    for row, text in enumerate(chosen):
        assert together[row].tobytes() == static.probabilities([text])[0].tobytes()


@settings(deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_text_gets_probabilities(static: StaticSentiment, texts: list[str]) -> None:
    probabilities = static.probabilities(texts)
    assert probabilities.shape == (len(texts), 3)
    assert probabilities.dtype == np.float64
    assert np.all(probabilities >= 0)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(texts)))


@pytest.mark.parametrize("text", ["", " \t\r\n\u00a0", "\u200b\ufeff", "\x00\x1b"])
def test_a_text_without_a_word_piece_is_neutral(static: StaticSentiment, text: str) -> None:
    assert static.probabilities([text]).tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize(
    "text",
    ["\udc80 \ud800!", "x" * 10_000, "!" * 10_000, "\u6771\u4eac" * 5_000, "e\u0301 " * 3_333],
    ids=["surrogates", "one word", "signs", "ideographs", "accents"],
)
def test_odd_texts_get_probabilities_too(static: StaticSentiment, text: str) -> None:
    assert static.probabilities([text]).sum() == pytest.approx(1.0)


def test_the_end_of_a_text_of_ten_thousand_characters_counts(static: StaticSentiment) -> None:
    facts = (FACT * 200)[:9_000]
    calm, upset = static.probabilities([facts, facts + "Awful, I want my money back! " * 30])
    assert upset[NEGATIVE] > calm[NEGATIVE]


def test_more_than_one_group_of_texts_keeps_the_order(static: StaticSentiment) -> None:
    texts = [FACT * 150, TEXTS[0], "", TEXTS[1]] * 6
    together = static.probabilities(texts)
    assert np.array_equal(together, np.tile(static.probabilities(texts[:4]), (6, 1)))


def test_threads_share_one_model() -> None:
    """Fresh, so that the threads meet while its memory of words fills."""
    shared = StaticSentiment.load()
    expected = StaticSentiment.load().probabilities(TEXTS * 4)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(shared.probabilities, [TEXTS * 4] * 32))
    assert all(np.array_equal(answer, expected) for answer in answers)


def test_it_needs_numpy_and_tokenizers_alone() -> None:
    code = (
        "import sys, customerai_static\n"
        "customerai_static.StaticSentiment.load().probabilities(['fine'])\n"
        "heavy = {'torch', 'onnxruntime', 'pyarrow', 'boto3', 'pydantic', 'fastapi', 'models'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
