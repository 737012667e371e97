"""Fit the calibration on corpora taken for taxonomies, and measure it on texts it has not seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.topics.calibration import FEATURES, Calibration, Floats, features, fit
from models.topics.trials import EXAMPLES, Set, Trial, trials

Measured = dict[str, float]

_NEAREST = 5
"""Topics of each text that the calibration learns from; the rest are plainly wrong."""

_TRIALS = 6
_BINS = 10


def calibrate(sets: Sequence[Set]) -> Calibration:
    """Fit confidences on the texts to learn from, every set and number of examples alike, and
    choose the threshold at which matches have the best F0.5: a wrong topic does more harm than a
    missing one."""
    rows: list[Floats] = []
    right: list[Floats] = []
    weight: list[Floats] = []
    drawn: list[Trial] = []
    for one in sets:
        for examples in EXAMPLES:
            for trial in trials(
                one, _TRIALS, test=False, whole=False, examples=examples, seed=examples
            ):
                near = np.argsort(-trial.cosines, axis=1)[:, :_NEAREST]
                line = np.arange(len(near))[:, None]
                rows.append(
                    features(trial.cosines, trial.examples)[line, near].reshape(-1, len(FEATURES))
                )
                right.append(trial.about[line, near].ravel())
                weight.append(np.full(near.size, 1.0 / near.size))
                drawn.append(trial)
    bias, weights = fit(np.concatenate(rows), np.concatenate(right), np.concatenate(weight))
    unbounded = Calibration(bias, weights, 0.0)
    best = max(
        (step / 100 for step in range(10, 91, 2)),
        key=lambda threshold: float(
            np.mean([_f_half(_match(unbounded, trial, threshold)) for trial in drawn])
        ),
    )
    return Calibration(round(bias, 4), tuple(round(value, 4) for value in weights), best)


def evaluate(sets: Sequence[Set], calibration: Calibration) -> dict[str, dict[str, Measured]]:
    """Return, for each set and number of examples, the mean of the figures over the trials.

    `accuracy` is that of the likeliest topic where the taxonomy has every category and each text
    one; `label_accuracy` the same by the label alone. The others are of taxonomies that lack a
    quarter of the categories and of texts with one category or two: `ece` of the likeliest
    topic's confidence; `precision`, `recall` and `f1` of matches; `none_kept`, the share of texts
    without a topic that get none; `two_found`, the share of texts with two that get both.
    """
    return {
        one.name: {str(examples): _measured(one, examples, calibration) for examples in EXAMPLES}
        for one in sets
    }


def _measured(one: Set, examples: int, calibration: Calibration) -> Measured:
    whole = trials(one, _TRIALS, test=True, whole=True, examples=examples, seed=100)
    labels = trials(one, _TRIALS, test=True, whole=True, examples=0, seed=100)
    part = trials(one, _TRIALS, test=True, whole=False, examples=examples, seed=200)
    figures: list[Measured] = [{"accuracy": _accuracy(trial)} for trial in whole]
    figures += [{"label_accuracy": _accuracy(trial)} for trial in labels]
    figures += [
        _match(calibration, trial, calibration.threshold)
        | {"ece": _calibration_error(calibration, trial)}
        for trial in part
    ]
    names = dict.fromkeys(name for figure in figures for name in figure)
    return {
        name: round(float(np.mean([figure[name] for figure in figures if name in figure])), 4)
        for name in names
    }


def _accuracy(trial: Trial) -> float:
    best = trial.cosines.argmax(axis=1)
    return float(trial.about[np.arange(len(best)), best].mean())


def _match(calibration: Calibration, trial: Trial, threshold: float) -> Measured:
    given = calibration.confidence(trial.cosines, trial.examples) >= threshold
    about = trial.about == 1
    found = float((given & about).sum())
    precision = found / max(float(given.sum()), 1.0)
    recall = found / max(float(about.sum()), 1.0)
    without, two = about.sum(axis=1) == 0, about.sum(axis=1) == 2
    both = (given & about).sum(axis=1) == 2
    measured = {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(precision + recall, 1e-9),
    }
    if without.any():
        measured["none_kept"] = float((~given[without].any(axis=1)).mean())
    if two.any():
        measured["two_found"] = float(both[two].mean())
    return measured


def _f_half(match: Measured) -> float:
    precision, recall = match["precision"], match["recall"]
    return 1.25 * precision * recall / max(0.25 * precision + recall, 1e-9)


def _calibration_error(calibration: Calibration, trial: Trial) -> float:
    confidence = calibration.confidence(trial.cosines, trial.examples)
    line, best = np.arange(len(confidence)), confidence.argmax(axis=1)
    highest, right = confidence[line, best], trial.about[line, best]
    bins = np.minimum((highest * _BINS).astype(int), _BINS - 1)
    gaps = [abs(float((highest - right)[bins == index].sum())) for index in range(_BINS)]
    return sum(gaps) / len(highest)
