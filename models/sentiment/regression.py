"""Is a model worse than another on the same texts, or was it chance?

The paired bootstrap (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 16;
for language systems Koehn 2004, https://aclanthology.org/W04-3250) draws the texts again with
replacement, many times, and looks how often the loss disappears. It serves accuracy and macro-F1
alike, which McNemar's test does not.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import numpy.typing as npt

from models.sentiment.labels import LABELS

_CLASSES = len(LABELS)
_RESAMPLES = 10_000
_SEED = 0


class Change(TypedDict):
    """One figure of two models, each between 0 and 1."""

    locked: float
    candidate: float
    p: float
    """Share of resamples in which the candidate is at least as good: a small one says that its loss
    is no chance. 1 where the candidate has not lost."""


class Changes(TypedDict):
    """The figures of two models on n texts."""

    n: int
    accuracy: Change
    macro_f1: Change


def compare(
    label: npt.NDArray[np.int64],
    locked: npt.NDArray[np.int64],
    candidate: npt.NDArray[np.int64],
) -> Changes:
    """Compare two models' predicted class indexes (n,) with the labels (n,)."""
    # What counts of a text is its label and the two answers: 27 kinds. Drawing n texts with
    # replacement is one multinomial draw over the kinds.
    kind = (label * _CLASSES + locked) * _CLASSES + candidate
    seen = np.bincount(kind, minlength=_CLASSES**3)
    drawn = np.random.default_rng(_SEED).multinomial(len(label), seen / len(label), _RESAMPLES)
    counts = np.vstack([seen, drawn]).reshape(-1, _CLASSES, _CLASSES, _CLASSES)
    of_locked, of_candidate = counts.sum(axis=3), counts.sum(axis=2)
    return Changes(
        n=len(label),
        accuracy=_change(_accuracy(of_locked), _accuracy(of_candidate)),
        macro_f1=_change(_macro_f1(of_locked), _macro_f1(of_candidate)),
    )


def _change(locked: npt.NDArray[np.float64], candidate: npt.NDArray[np.float64]) -> Change:
    lost = candidate[0] < locked[0]
    return Change(
        locked=round(float(locked[0]), 4),
        candidate=round(float(candidate[0]), 4),
        p=round(float(np.mean(candidate[1:] >= locked[1:])), 4) if lost else 1.0,
    )


def _accuracy(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Accuracy of each of m confusion matrices (m, label, answer)."""
    right = np.trace(confusion, axis1=1, axis2=2)
    return np.asarray(right / confusion.sum(axis=(1, 2)), dtype=np.float64)


def _macro_f1(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Macro-F1 of each of m confusion matrices, over the classes that occur in it."""
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    occurrences = confusion.sum(axis=1) + confusion.sum(axis=2)
    of_class = 2 * hits / np.maximum(occurrences, 1)
    return np.asarray(of_class.sum(axis=1) / (occurrences > 0).sum(axis=1), dtype=np.float64)
