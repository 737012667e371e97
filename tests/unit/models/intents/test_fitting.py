"""Learning a head: weights, the fit itself, temperature, threshold, and the figures on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.intents.fitting import (
    FitSettings,
    fit,
    fit_temperature,
    fit_threshold,
    out_of_fold,
    row_weights,
)
from models.intents.heads import Head, softmax
from models.intents.metrics import calibration_error, macro_f1, measure

SETTINGS = replace(FitSettings(), steps=150)


def clouds(rows: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Points around three corners, and which corner each is around."""
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 3, rows)
    points = np.eye(8, dtype=np.float32)[labels] + generator.normal(0, spread, (rows, 8))
    return points.astype(np.float32), labels


def test_sources_have_their_share_and_classes_the_root_of_their_size() -> None:
    sources = ["a"] * 5 + ["b"] * 2
    labels = np.array([0, 0, 0, 0, 1, 0, 1])
    weights = row_weights(sources, labels, {"a": 3.0, "b": 1.0})
    assert weights.mean() == pytest.approx(1)
    assert weights[:5].sum() == pytest.approx(3 * weights[5:].sum())
    assert weights[:4].sum() == pytest.approx(2 * weights[4])


def test_a_head_learns_what_can_be_told_apart_the_same_every_time() -> None:
    points, labels = clouds(200, 0.15)
    matrix, bias = fit(points, labels, np.ones(200), 3, SETTINGS)
    assert ((points @ matrix + bias).argmax(axis=1) == labels).mean() > 0.98
    again, _ = fit(points, labels, np.ones(200), 3, SETTINGS)
    assert np.array_equal(matrix, again)


def test_a_heavier_row_wins() -> None:
    points = np.ones((2, 4), dtype=np.float32)
    matrix, bias = fit(points, np.array([0, 1]), np.array([1.0, 5.0]), 2, SETTINGS)
    assert (points[:1] @ matrix + bias).argmax() == 1


def test_out_of_fold_answers_are_not_of_what_was_learned() -> None:
    points, _ = clouds(120, 0.2)
    noise = np.random.default_rng(5).integers(0, 3, 120)
    logits = out_of_fold(points, noise, np.ones(120), 3, SETTINGS)
    assert (logits.argmax(axis=1) == noise).mean() < 0.5


def test_the_temperature_undoes_overconfidence() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (4000, 3)).astype(np.float32)
    labels = np.array([generator.choice(3, p=row / row.sum()) for row in softmax(logits)])
    assert fit_temperature(2 * logits, labels, np.ones(4000)) == pytest.approx(2, abs=0.2)


def test_the_threshold_buys_precision() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.55, 0.45]], np.float32)
    labels = np.array([0, 0, 1, 1])
    assert fit_threshold(probabilities, labels, np.ones(4), 0.4) == 0
    assert 0.6 < fit_threshold(probabilities, labels, np.ones(4), 1.0) <= 0.8
    assert fit_threshold(probabilities, 1 - labels, np.ones(4), 1.0) == 1


def test_macro_f1_is_the_mean_over_classes_that_occur() -> None:
    labels, predicted = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2])
    assert macro_f1(labels, predicted) == pytest.approx((1 + 2 / 3) / 2)


def test_confidence_that_matches_accuracy_has_no_calibration_error() -> None:
    confidence = np.full(10, 0.8, dtype=np.float32)
    right = np.array([1] * 8 + [0] * 2, dtype=np.float32)
    assert calibration_error(confidence, right) == pytest.approx(0, abs=1e-6)
    assert calibration_error(confidence, np.zeros(10, np.float32)) == pytest.approx(0.8, abs=1e-6)


def test_what_is_not_answered_is_counted() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4]], np.float32)
    measured = measure(probabilities, np.array([0, 1]), 0.7)
    assert measured["answered"] == 0.5
    assert measured["precision"] == 1
    assert measured["accuracy"] == 0.5


def test_a_head_gives_probabilities_and_abstains() -> None:
    head = Head(("x", "y"), np.eye(2, dtype=np.float32) * 4, np.zeros(2, np.float32), 1.0, 0.9)
    points = np.array([[1, 0], [0, 1], [0.5, 0.5], [0, 0]], np.float32)
    assert head.probabilities(points).sum(axis=1) == pytest.approx(np.ones(4))
    answers = head.answers(points)
    assert [answer and answer[0] for answer in answers] == ["x", "y", None, None]
