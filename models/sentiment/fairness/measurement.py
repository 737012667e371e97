"""How far a model's answers move when only the person, or the way of writing, changes.

After perturbation sensitivity analysis (Prabhakaran et al. 2019, https://arxiv.org/abs/1910.04210):
the score is P(positive) - P(negative), between -1 and 1, and its shift is measured within each
statement, so that what the statement itself says cancels out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from models.sentiment.fairness.swaps import Comparison
from models.sentiment.labels import LABELS

Classify = Callable[[Sequence[str]], npt.NDArray[np.float64]]
"""From n texts to calibrated probabilities (n, 3), columns in the order of LABELS."""

_WORST_SHOWN = 5


class Movement(TypedDict):
    """How the answers to some wordings differ from those that they are held against."""

    pairs: int
    flip_rate: float
    """Share of wordings whose label is another one."""

    mean_shift: float
    """Mean of |shift|, between 0 and 2."""

    p95_shift: float
    """The |shift| that 95 % of the wordings stay at or below."""

    most_shift: float
    bias: float
    """Mean signed shift: above 0, the model hears the group say nicer things than it does."""

    accuracy: float
    """Share of wordings that get the label a reader gives them."""


class WorstPair(TypedDict):
    """A wording whose score moved far."""

    group: str
    text: str
    label: str
    expected: str
    """Label of what it is held against."""

    shift: float


class AxisReport(TypedDict):
    """One kind of swap: all of its groups together, each of them, and the worst pairs."""

    all: Movement
    groups: dict[str, Movement]
    worst: list[WorstPair]


@dataclass(frozen=True, slots=True)
class _Answer:
    axis: str
    group: str
    text: str
    label: int
    """Class index of the answer, as are `expected` (held against) and `right` (a reader's)."""

    expected: int
    right: int
    shift: float


def measure(comparisons: Sequence[Comparison], classify: Classify) -> dict[str, AxisReport]:
    """Classify every wording once and report the movement along each axis."""
    texts = sorted({text for comparison in comparisons for text in _texts(comparison)})
    probabilities = dict(zip(texts, classify(texts), strict=True))
    by_axis: dict[str, list[_Answer]] = {}
    for comparison in comparisons:
        by_axis.setdefault(comparison.axis, []).extend(_answers(comparison, probabilities))
    return {axis: _report(answers) for axis, answers in by_axis.items()}


def _texts(comparison: Comparison) -> Iterator[str]:
    if comparison.standard is not None:
        yield comparison.standard
    for variant in comparison.variants:
        yield variant.text


def _answers(
    comparison: Comparison, probabilities: dict[str, npt.NDArray[np.float64]]
) -> Iterator[_Answer]:
    if comparison.standard is None:
        against = np.mean([probabilities[variant.text] for variant in comparison.variants], axis=0)
    else:
        against = probabilities[comparison.standard]
    for group, text in comparison.variants:
        answer = probabilities[text]
        yield _Answer(
            comparison.axis,
            group,
            text,
            label=int(answer.argmax()),
            expected=int(against.argmax()),
            right=LABELS.index(comparison.label),
            shift=_score(answer) - _score(against),
        )


def _score(probabilities: npt.NDArray[np.float64]) -> float:
    return float(probabilities[-1] - probabilities[0])


def _report(answers: Sequence[_Answer]) -> AxisReport:
    groups = dict.fromkeys(answer.group for answer in answers)
    # Flips first, then the largest shifts; the text settles ties.
    worst = sorted(answers, key=lambda one: (one.label == one.expected, -abs(one.shift), one.text))
    return AxisReport(
        all=_movement(answers),
        groups={
            group: _movement([answer for answer in answers if answer.group == group])
            for group in groups
        },
        worst=[
            WorstPair(
                group=one.group,
                text=one.text,
                label=LABELS[one.label],
                expected=LABELS[one.expected],
                shift=round(one.shift, 4),
            )
            for one in worst[:_WORST_SHOWN]
        ],
    )


def _movement(answers: Sequence[_Answer]) -> Movement:
    shift = np.asarray([answer.shift for answer in answers])
    return Movement(
        pairs=len(answers),
        flip_rate=_share(answer.label != answer.expected for answer in answers),
        mean_shift=round(float(np.abs(shift).mean()), 4),
        p95_shift=round(float(np.quantile(np.abs(shift), 0.95)), 4),
        most_shift=round(float(np.abs(shift).max()), 4),
        bias=round(float(shift.mean()), 4),
        accuracy=_share(answer.label == answer.right for answer in answers),
    )


def _share(which: Iterator[bool]) -> float:
    return round(float(np.mean(list(which))), 4)
