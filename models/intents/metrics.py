"""How often a head is right, how sure it is, and how often it says nothing."""

from __future__ import annotations

import numpy as np

from models.intents.fitting import Rows
from models.intents.heads import Matrix

Measured = dict[str, float]

_BINS = 10


def macro_f1(labels: Rows, predicted: Rows) -> float:
    """Return the mean F1 of the classes that occur in `labels`."""
    scores = []
    for index in np.unique(labels):
        right = np.sum((labels == index) & (predicted == index))
        scores.append(2 * right / (np.sum(labels == index) + np.sum(predicted == index)))
    return float(np.mean(scores))


def calibration_error(confidence: Matrix, right: Matrix) -> float:
    """Return the expected calibration error of n confidences over 10 equal-width bins.

    See Guo et al. 2017, https://arxiv.org/abs/1706.04599; `right` is 1 where the answer was right.
    """
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(float((confidence[bins == index] - right[bins == index]).sum()))
        for index in range(_BINS)
    ]
    return sum(gaps) / len(confidence)


def measure(probabilities: Matrix, labels: Rows, threshold: float) -> Measured:
    """Measure probabilities (n, k) of n texts whose classes are `labels`.

    `accuracy`, `macro_f1` and `ece` are of the likeliest class of every text; `answered` is the
    share of texts above `threshold`, `precision` how many of those are right.
    """
    predicted = probabilities.argmax(axis=1)
    highest = probabilities.max(axis=1)
    right = (predicted == labels).astype(np.float32)
    given = highest >= threshold
    measured = {
        "accuracy": float(right.mean()),
        "macro_f1": macro_f1(labels, predicted),
        "ece": calibration_error(highest, right),
        "answered": float(given.mean()),
        "precision": float(right[given].mean()) if given.any() else 0.0,
    }
    return {"n": len(labels)} | {name: round(value, 4) for name, value in measured.items()}
