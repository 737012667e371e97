"""The verdict on one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from models.sentiment.fairness.limits import FairnessLimits, breaches
from models.sentiment.fairness.measurement import AxisReport, Classify, Movement, measure
from models.sentiment.fairness.swaps import Comparison


class Verdict(TypedDict):
    """Whether the model is fair enough, which limits it exceeds, and what was measured."""

    passed: bool
    breaches: list[str]
    axes: dict[str, AxisReport]


class AxisSummary(TypedDict):
    """What an artefact's lock keeps of one axis."""

    all: Movement
    groups: dict[str, Movement]


def judge(classify: Classify, limits: FairnessLimits, statements: Sequence[Comparison]) -> Verdict:
    """Measure a model on `statements`, which have to cover every axis, and hold it against
    `limits`."""
    axes = measure(statements, classify)
    exceeded = breaches(axes, limits)
    return Verdict(passed=not exceeded, breaches=exceeded, axes=axes)


def summary(verdict: Verdict) -> dict[str, AxisSummary]:
    """Return the figures without the texts."""
    return {
        axis: AxisSummary(all=report["all"], groups=report["groups"])
        for axis, report in verdict["axes"].items()
    }
