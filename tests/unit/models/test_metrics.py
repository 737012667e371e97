"""Quality and calibration, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from models.sentiment.calibration import fit_temperature
from models.sentiment.examples import Examples
from models.sentiment.metrics import calibration_error, over_known_classes, quality, report
from models.sentiment.predictor import WindowLogits, combine


def labelled(label: list[int], binary: list[bool], source: list[str] | None = None) -> Examples:
    return Examples(
        ["text"] * len(label),
        np.array(label, dtype=np.int64),
        np.array(source or [""] * len(label), dtype=np.str_),
        np.array(binary, dtype=np.bool_),
    )


def certain(*predicted: int) -> npt.NDArray[np.float64]:
    return np.eye(3)[list(predicted)]


def test_quality_by_hand() -> None:
    measured = quality(np.array([0, 0, 1, 2]), certain(0, 1, 1, 2))
    # F1: class 0 is 2/3, class 1 is 2/3, class 2 is 1. Recall: 1/2, 1, 1.
    assert measured == {
        "n": 4,
        "accuracy": 0.75,
        "macro_f1": round(7 / 9, 4),
        "macro_recall": round(5 / 6, 4),
        "ece": 0.25,
    }


def test_recall_counts_the_classes_that_occur_and_f1_those_that_are_claimed_too() -> None:
    measured = quality(np.array([0, 0, 2]), certain(0, 1, 2))
    assert measured["macro_recall"] == 0.75
    assert measured["macro_f1"] == round((2 / 3 + 0 + 1) / 3, 4)


def test_a_binary_row_is_judged_between_negative_and_positive_only() -> None:
    probabilities = np.array([[0.3, 0.6, 0.1], [0.3, 0.6, 0.1]])
    measured = report(labelled([0, 1], [True, False], ["a", "b"]), probabilities)
    assert (measured["n"], measured["accuracy"], measured["macro_recall"]) == (2, 1.0, 1.0)
    assert {name: row["n"] for name, row in measured["sources"].items()} == {"a": 1, "b": 1}
    # Of the classes that the first row knows, its label has 0.3 / 0.4 of the probability.
    assert measured["sources"]["a"]["ece"] == pytest.approx(0.25)
    assert measured["sources"]["b"]["ece"] == pytest.approx(0.4)


def test_each_source_has_a_calibration_error_of_its_own() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1]] * 10)
    label, source = [0] * 8 + [2] * 2, ["calm"] * 5 + ["mixed"] * 5
    measured = report(labelled(label, [False] * 10, source), probabilities)
    assert measured["ece"] == 0.0
    assert measured["sources"]["calm"]["ece"] == pytest.approx(0.2)
    assert measured["sources"]["mixed"]["ece"] == pytest.approx(0.2)


def test_over_known_classes_survives_a_text_that_is_neutral_beyond_doubt() -> None:
    known = over_known_classes(np.array([[0.0, 1.0, 0.0]]), np.array([True]))
    assert known.tolist() == [[0.5, 0.0, 0.5]]


def test_calibration_error_of_a_model_that_is_always_sure_and_half_right() -> None:
    probabilities = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    assert calibration_error(labelled([0, 2], [False, False]), probabilities) == pytest.approx(0.5)


def test_the_fitted_temperature_calibrates_an_overconfident_model() -> None:
    rng = np.random.default_rng(3)
    honest = rng.normal(size=(4000, 3)) * 1.5
    chances = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    label = [int(rng.choice(3, p=row)) for row in chances]
    boasting = WindowLogits(4000, honest * 2.0, np.arange(4000), np.full(4000, 10))
    examples = labelled(label, [False] * 4000)
    temperature = fit_temperature(examples, boasting)
    assert temperature == pytest.approx(2.0, abs=0.15)
    before = calibration_error(examples, combine(boasting, 1.0))
    assert calibration_error(examples, combine(boasting, temperature)) < before / 2
