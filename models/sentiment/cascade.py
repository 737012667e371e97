"""The cascade: the static tier where it is sure, else the encoder; its threshold and its worth."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.sentiment.examples import Examples
from models.sentiment.metrics import over_known_classes

NEVER_SURE = 2.0
"""A threshold that no probability reaches."""

_ROUNDING = 1e-9

Probabilities = npt.NDArray[np.float64]
"""Calibrated, (n, 3)."""

Answer = Callable[[Sequence[str]], Probabilities]


def sure(probabilities: Probabilities, sure_above: float) -> npt.NDArray[np.bool_]:
    """Say of each row whether its top probability reaches `sure_above`."""
    return np.asarray(probabilities.max(axis=1) >= sure_above)


def answer(texts: Sequence[str], static: Answer, full: Answer, sure_above: float) -> Probabilities:
    """Return the static tier's probabilities where it is sure of them, else the encoder's."""
    probabilities = static(texts)
    rest = np.flatnonzero(~sure(probabilities, sure_above)).tolist()
    if rest:
        probabilities[rest] = full([texts[row] for row in rest])
    return probabilities


@dataclass(frozen=True, slots=True)
class Pick:
    """A threshold, and what it does to the dev texts; figures between 0 and 1."""

    sure_above: float
    answered: float
    """Share of texts that the static tier answers."""

    accuracy: float
    accuracy_of_full: float

    @property
    def lost(self) -> float:
        """Accuracy that the cascade gives up against the encoder alone."""
        return self.accuracy_of_full - self.accuracy


def pick(examples: Examples, static: Probabilities, full: Probabilities, most_lost: float) -> Pick:
    """Return the lowest threshold at which the cascade loses at most `most_lost` of accuracy.

    Candidates are hundredths from 0.5 up. A threshold counts only if every higher one keeps the
    bound too, so that no lucky dip is picked. Where none does, the static tier is never sure.
    """
    right_static, right_full = (_right(examples, each) for each in (static, full))
    accuracy_of_full = float(right_full.mean())
    best = Pick(NEVER_SURE, 0.0, accuracy_of_full, accuracy_of_full)
    for hundredth in range(100, 49, -1):
        is_sure = sure(static, hundredth / 100)
        right = np.where(is_sure, right_static, right_full)
        if int(right_full.sum()) - int(right.sum()) > most_lost * len(examples) + _ROUNDING:
            break
        accuracy = float(right.mean())
        best = Pick(hundredth / 100, float(is_sure.mean()), accuracy, accuracy_of_full)
    return best


def seconds_each(
    texts: Sequence[str], static: Answer, full: Answer, sure_above: float
) -> dict[str, float]:
    """Return processor seconds per text of the static tier, the encoder and the cascade, over the
    same texts, all threads counted."""
    measured = {}
    for name, run in (
        ("static", static),
        ("full", full),
        ("cascade", lambda some: answer(some, static, full, sure_above)),
    ):
        run(texts[:1])
        started = time.process_time()
        run(texts)
        measured[name] = (time.process_time() - started) / len(texts)
    return measured


def _right(examples: Examples, probabilities: Probabilities) -> npt.NDArray[np.bool_]:
    known = over_known_classes(probabilities, examples.binary)
    return np.asarray(known.argmax(axis=1) == examples.label)
