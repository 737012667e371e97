"""The cascade: the static tier where it is sure, else the encoder; its threshold and its worth."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customerai_static.artifact import NEVER_SURE
from models.sentiment.examples import Examples
from models.sentiment.metrics import over_known_classes

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
class DevFile:
    """A labelled file and what both tiers answer."""

    examples: Examples
    static: Probabilities
    full: Probabilities


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the cascade does to some texts; figures between 0 and 1."""

    n: int
    answered: float
    """Share of texts that the static tier answers."""

    accuracy: float
    accuracy_of_full: float

    @property
    def lost(self) -> float:
        """Accuracy that the cascade gives up against the encoder alone."""
        return self.accuracy_of_full - self.accuracy


@dataclass(frozen=True, slots=True)
class Pick:
    """A threshold, and what it does to each dev file and to all of them together."""

    sure_above: float
    files: dict[str, Outcome]
    together: Outcome


def pick(files: Mapping[str, DevFile], most_lost: float) -> Pick:
    """Return the lowest threshold at which the cascade loses at most `most_lost` of accuracy on
    every one of the files: texts of one kind must not pay for what is saved on another.

    Candidates are hundredths from 0.5 up. A threshold counts only if every higher one keeps the
    bound too, so that no lucky dip is picked. Where none does, the static tier is never sure.
    """
    best = NEVER_SURE
    for hundredth in range(100, 49, -1):
        outcomes = [_outcome([file], hundredth / 100) for file in files.values()]
        if any(outcome.lost > most_lost + _ROUNDING for outcome in outcomes):
            break
        best = hundredth / 100
    return Pick(
        best,
        {name: _outcome([file], best) for name, file in files.items()},
        _outcome(list(files.values()), best),
    )


def _outcome(files: Sequence[DevFile], sure_above: float) -> Outcome:
    is_sure = np.concatenate([sure(file.static, sure_above) for file in files])
    right_static = np.concatenate([_right(file.examples, file.static) for file in files])
    right_full = np.concatenate([_right(file.examples, file.full) for file in files])
    right = np.where(is_sure, right_static, right_full)
    return Outcome(len(right), float(is_sure.mean()), float(right.mean()), float(right_full.mean()))


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
