"""What a measurement comes to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import ge, le
from typing import Any, Literal

_HOLDS = {"≤": le, "≥": ge}


class MeasurementError(Exception):
    """Something can't be measured here, or not in a way that could be believed."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a ratio has to be."""

    sign: Literal["≤", "≥"]
    ratio: float

    def __str__(self) -> str:
        return f"{self.sign} {self.ratio:.4g}"

    def holds(self, ratio: float) -> bool:
        """Whether a ratio is within the limit."""
        return bool(_HOLDS[self.sign](ratio, self.ratio))


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: a value beside its baseline, both in `unit`, and their ratio.

    A figure without a ratio, where nothing could be measured or there is nothing to compare with,
    meets no target.
    """

    name: str
    value: float | None
    baseline: float | None
    ratio: float | None
    unit: str
    target: Limit | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target holds; None where there is none."""
        if self.target is None:
            return None
        return self.ratio is not None and self.target.holds(self.ratio)

    def as_json(self) -> dict[str, Any]:
        """The figure's entry in the report, under its name."""
        entry: dict[str, Any] = {
            "value": self.value,
            "baseline": self.baseline,
            "ratio": self.ratio,
            "unit": self.unit,
            "note": self.note,
        }
        if self.target is not None:
            entry |= {"target": str(self.target), "met": self.met}
        return entry


@dataclass(frozen=True, slots=True)
class Measured:
    """What a measurement has found, and when."""

    measurement: str
    at: datetime
    figures: Sequence[Figure]


def compared(
    name: str,
    values: Sequence[float],
    baselines: Sequence[float],
    unit: str,
    target: Limit | None = None,
    note: str = "",
) -> Figure:
    """The figure of a value and a baseline that were measured round by round.

    The ratio is the median of the rounds' own ratios: what ran right after each other saw the same
    machine. The note tells between which two the middle half of them lies.
    """
    ratios = [value / baseline for value, baseline in zip(values, baselines, strict=True)]
    spread = f"{len(ratios)} rounds"
    if len(ratios) > 1:
        low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
        spread = f"middle half {low:.3g} to {high:.3g}, {spread}"
    return Figure(
        name,
        statistics.median(values),
        statistics.median(baselines),
        statistics.median(ratios),
        unit,
        target,
        "; ".join(part for part in (note, spread) if part),
    )
