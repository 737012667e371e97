"""The threshold of the cascade, and who answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from models.sentiment.cascade import NEVER_SURE, answer, pick, sure
from models.sentiment.examples import Examples


def examples(labels: Sequence[int], *, binary: bool = False) -> Examples:
    count = len(labels)
    return Examples(
        [f"text {index}" for index in range(count)],
        np.array(labels, dtype=np.int64),
        np.array(["somewhere"] * count),
        np.full(count, binary),
    )


def leaning(labels: Sequence[int], confidence: Sequence[float]) -> npt.NDArray[np.float64]:
    """Probabilities that give each label its confidence and share out the rest."""
    rows = np.repeat(((1 - np.array(confidence)) / 2)[:, None], 3, axis=1)
    rows[np.arange(len(labels)), labels] = confidence
    return rows


def test_the_lowest_threshold_within_the_bound_is_picked() -> None:
    """The encoder is always right; the static tier errs on what it is 0.6 and 0.7 sure of."""
    truth = examples([0] * 100)
    static = leaning([0] * 98 + [2, 2], [0.9] * 50 + [0.65] * 48 + [0.7, 0.6])
    full = leaning([0] * 100, [0.99] * 100)
    strict = pick(truth, static, full, most_lost=0.0)
    assert (strict.sure_above, strict.answered, strict.lost) == (0.71, 0.5, 0.0)
    lenient = pick(truth, static, full, most_lost=0.01)
    assert (lenient.sure_above, lenient.answered) == (0.61, 0.99)
    assert lenient.lost == pytest.approx(0.01)
    assert lenient.accuracy_of_full == 1.0


def test_a_static_tier_that_is_wrong_when_sure_never_answers() -> None:
    picked = pick(
        examples([0] * 10),
        leaning([2] * 10, [1.0] * 10),
        leaning([0] * 10, [0.9] * 10),
        most_lost=0.005,
    )
    assert (picked.sure_above, picked.answered, picked.lost) == (NEVER_SURE, 0.0, 0.0)
    assert not sure(leaning([2], [1.0]), picked.sure_above).any()


def test_a_lucky_dip_below_a_bad_threshold_is_not_picked() -> None:
    """At 0.8 the cascade errs too often; at 0.6 errors of the encoder make up for it."""
    truth = examples([0] * 20)
    static = leaning([0] * 10 + [2] * 4 + [0] * 6, [0.95] * 10 + [0.8] * 4 + [0.6] * 6)
    full = leaning([0] * 14 + [2] * 6, [0.9] * 20)
    assert pick(truth, static, full, most_lost=0.05).sure_above == 0.81


def test_neutral_does_not_count_where_a_source_has_none() -> None:
    """The static tier is sure of "neutral", which over the known classes leans the right way."""
    truth = examples([0] * 10, binary=True)
    static = np.tile([0.15, 0.8, 0.05], (10, 1))
    picked = pick(truth, static, leaning([0] * 10, [0.9] * 10), most_lost=0.0)
    assert (picked.sure_above, picked.answered) == (0.5, 1.0)


def test_the_encoder_is_asked_about_what_is_unsure_and_nothing_else() -> None:
    asked: list[str] = []

    def static(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        return leaning([0] * len(texts), [float(text) for text in texts])

    def full(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        asked.extend(texts)
        return leaning([2] * len(texts), [0.5] * len(texts))

    probabilities = answer(["0.9", "0.6", "0.8", "0.79"], static, full, 0.8)
    assert asked == ["0.6", "0.79"]
    assert probabilities.argmax(axis=1).tolist() == [0, 2, 0, 2]
    asked.clear()
    answer(["0.9"], static, full, 0.8)
    assert not asked
