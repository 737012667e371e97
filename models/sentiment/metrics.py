"""Accuracy, macro-F1, macro-recall and calibration of predicted probabilities."""

from __future__ import annotations

from typing import NotRequired, TypedDict

import numpy as np
import numpy.typing as npt

from models.sentiment.examples import Examples
from models.sentiment.labels import LABELS, NEUTRAL

_CALIBRATION_BINS = 15


class Report(TypedDict):
    """How well n texts were classified; every figure but n is between 0 and 1."""

    n: int
    accuracy: float
    macro_f1: float
    macro_recall: float
    ece: float
    """Expected calibration error, see `calibration_error`."""

    sources: NotRequired[dict[str, Report]]
    """The same for each source, where the texts name theirs."""


def over_known_classes(
    probabilities: npt.NDArray[np.float64], binary: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Renormalise (n, 3) probabilities over the classes that each row knows: all three, or negative
    and positive where `binary` (n,) is true."""
    known = probabilities.copy()
    known[binary, NEUTRAL] = 0.0
    total = known.sum(axis=1, keepdims=True)
    # A text that is neutral beyond doubt says nothing about negative against positive.
    even = np.where(np.arange(len(LABELS)) == NEUTRAL, 0.0, 0.5)
    return np.where(total > 0, known / np.where(total > 0, total, 1.0), even)


def quality(label: npt.NDArray[np.int64], known: npt.NDArray[np.float64]) -> Report:
    """Compare n class indexes with n rows of probabilities (n, 3) over the classes that each knows.

    Macro-F1 is the unweighted mean of 2TP / (2TP + FP + FN) over the classes that occur among the
    labels or the predictions, as scikit-learn's `f1_score(average="macro")` takes it. Macro-recall
    is that of TP / (TP + FN) over the classes that occur among the labels, as SemEval's tweet tasks
    take it (Rosenthal et al. 2017, https://aclanthology.org/S17-2088).
    """
    predicted = known.argmax(axis=1)
    f1, recall = [], []
    for index in np.union1d(label, predicted):
        is_label = label == index
        hits = np.sum(is_label & (predicted == index))
        f1.append(2 * hits / (np.sum(is_label) + np.sum(predicted == index)))
        if is_label.any():
            recall.append(hits / np.sum(is_label))
    return Report(
        n=len(label),
        accuracy=round(float(np.mean(label == predicted)), 4),
        macro_f1=round(float(np.mean(f1)), 4),
        macro_recall=round(float(np.mean(recall)), 4),
        ece=round(_confidence_gap(label, known), 4),
    )


def report(examples: Examples, probabilities: npt.NDArray[np.float64]) -> Report:
    """Quality of (n, 3) probabilities for n examples, as a whole and by source."""
    known = over_known_classes(probabilities, examples.binary)
    whole = quality(examples.label, known)
    names = sorted(name for name in set(examples.source.tolist()) if name)
    if names:
        whole["sources"] = {
            name: quality(examples.label[examples.source == name], known[examples.source == name])
            for name in names
        }
    return whole


def negative_log_likelihood(examples: Examples, probabilities: npt.NDArray[np.float64]) -> float:
    """Mean -ln(probability of the label), over the classes that each row knows."""
    known = over_known_classes(probabilities, examples.binary)
    right = known[np.arange(len(examples)), examples.label]
    return float(-np.log(np.clip(right, 1e-12, 1.0)).mean())


def calibration_error(examples: Examples, probabilities: npt.NDArray[np.float64]) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy over 15 equal-width
    bins of confidence (Guo et al. 2017, https://arxiv.org/abs/1706.04599)."""
    return _confidence_gap(examples.label, over_known_classes(probabilities, examples.binary))


class Abstention(TypedDict):
    """What abstaining below a confidence leaves unsaid: shares between 0 and 1."""

    share: float
    """Texts whose answer abstains."""

    accuracy_answered: float
    accuracy_abstained: float
    """How often the most probable class would have been right all the same."""


def abstention(
    examples: Examples, probabilities: npt.NDArray[np.float64], below: float
) -> Abstention:
    """Measure what abstaining below a confidence does to (n, 3) probabilities of n examples."""
    known = over_known_classes(probabilities, examples.binary)
    right = known.argmax(axis=1) == examples.label
    abstains = known.max(axis=1) < below
    return Abstention(
        share=round(float(abstains.mean()), 4),
        accuracy_answered=round(float(right[~abstains].mean()), 4) if not abstains.all() else 0.0,
        accuracy_abstained=round(float(right[abstains].mean()), 4) if abstains.any() else 0.0,
    )


def _confidence_gap(label: npt.NDArray[np.int64], known: npt.NDArray[np.float64]) -> float:
    confidence, right = known.max(axis=1), known.argmax(axis=1) == label
    bins = np.minimum((confidence * _CALIBRATION_BINS).astype(int), _CALIBRATION_BINS - 1)
    gaps = [
        np.sum(bins == index) * abs(confidence[bins == index].mean() - right[bins == index].mean())
        for index in np.unique(bins)
    ]
    return float(np.sum(gaps) / len(label))
