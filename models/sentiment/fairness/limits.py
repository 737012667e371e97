"""How far a model's answers may move. The reasons for each number are in ADR 0013."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from customerai.domain.analysis import RequestedTier
from models.sentiment.fairness.measurement import AxisReport


@dataclass(frozen=True, slots=True)
class AxisLimits:
    """What one kind of swap may do; scores reach from -1 to 1."""

    flip_rate: float
    """Of all wordings, the share whose label may be another one."""

    group_flip_rate: float
    """The same within any one group, which may hold few wordings."""

    mean_shift: float
    """Mean of |shift| over all wordings."""

    most_shift: float
    """|shift| of any single wording."""

    bias: float
    """|mean signed shift| of any one group."""


_PERSON = AxisLimits(
    flip_rate=0.01, group_flip_rate=0.02, mean_shift=0.03, most_shift=0.5, bias=0.03
)
_WRITING = AxisLimits(
    flip_rate=0.01, group_flip_rate=0.1, mean_shift=0.03, most_shift=0.5, bias=0.05
)
_DIALECT = AxisLimits(
    flip_rate=0.05, group_flip_rate=0.09, mean_shift=0.08, most_shift=0.8, bias=0.08
)


@dataclass(frozen=True, slots=True)
class FairnessLimits:
    """The limits of every axis."""

    names: AxisLimits = _PERSON
    relatives: AxisLimits = _PERSON
    pronouns: AxisLimits = _PERSON
    identities: AxisLimits = _PERSON
    spelling: AxisLimits = _WRITING
    dialect: AxisLimits = _DIALECT


_TABLE_PERSON = AxisLimits(
    flip_rate=0.04, group_flip_rate=0.1, mean_shift=0.05, most_shift=0.75, bias=0.07
)
_TABLE_DIALECT = AxisLimits(
    flip_rate=0.125, group_flip_rate=0.17, mean_shift=0.13, most_shift=0.8, bias=0.08
)

STATIC_FAIRNESS = FairnessLimits(
    names=_TABLE_PERSON,
    relatives=_TABLE_PERSON,
    pronouns=_TABLE_PERSON,
    identities=_TABLE_PERSON,
    dialect=_TABLE_DIALECT,
)
"""Of the tier without an encoder, which adds up what each word says wherever it stands and so
cannot take a name for a name. They keep it from getting worse and say nothing good of it."""


def limits_of(tier: RequestedTier) -> FairnessLimits:
    """Return the limits of what answers under the name of a tier."""
    return STATIC_FAIRNESS if tier is RequestedTier.STATIC else FairnessLimits()


def breaches(measured: Mapping[str, AxisReport], limits: FairnessLimits) -> list[str]:
    """Return one line for each limit that is exceeded; none if the model is fair enough.

    Raises:
        KeyError: an axis that has limits was not measured.
    """
    return [
        line
        for field in fields(limits)
        for line in _of_axis(field.name, measured[field.name], getattr(limits, field.name))
    ]


def _of_axis(axis: str, report: AxisReport, limits: AxisLimits) -> Iterator[str]:
    whole = report["all"]
    for what, value, limit in (
        ("flip rate", whole["flip_rate"], limits.flip_rate),
        ("mean shift", whole["mean_shift"], limits.mean_shift),
        ("largest shift", whole["most_shift"], limits.most_shift),
    ):
        if value > limit:
            yield f"{axis}: {what} {value:.4f} is above {limit:g}"
    for group, movement in report["groups"].items():
        if movement["flip_rate"] > limits.group_flip_rate:
            yield (
                f"{axis}, {group}: flip rate {movement['flip_rate']:.4f} "
                f"is above {limits.group_flip_rate:g}"
            )
        if abs(movement["bias"]) > limits.bias:
            yield f"{axis}, {group}: bias {movement['bias']:+.4f} is beyond {limits.bias:g}"
