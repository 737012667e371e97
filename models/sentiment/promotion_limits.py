"""What a candidate must hold. The reasons for each number are in ADR 0013."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from customerai.domain.analysis import Tier
from models.sentiment.fairness.limits import STATIC_FAIRNESS, FairnessLimits

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class PromotionLimits:
    """Shares are between 0 and 1."""

    most_lost: float = 0.002
    """Accuracy or macro-F1 that may be lost on a file even where the loss is no chance."""

    chance: float = 0.05
    """A loss that is undone in more than this share of resamples counts as chance."""

    most_lost_aspects: float = 0.01
    """Span F1, and accuracy of given aspects, that may be lost on all marked sentences together:
    about one standard error of either on 1,758 aspects."""

    most_lost_aspects_of_domain: float = 0.03
    """The same within one domain; about two standard errors of the smaller, of 638 aspects."""

    calibration_error: float = 0.03
    lost_to_int8: float = 0.003
    """Accuracy, and macro-F1, that INT8 may lose against FP32 on the dev files together."""

    sides_changed: float = 0.03
    """Share of texts taken to be right in one number format only, which is what makes the
    difference between the two vary; a lock has no answers to count it in."""

    deviations: float = 1.645
    """Standard deviations of that difference that a file is granted beside `lost_to_int8`: 95 % of
    models that lose no more than that pass."""

    below_full: float = 0.025
    """Accuracy that `fast` may be behind `full`, on each dev file."""

    artifacts_bytes: int = 80 * _MEGABYTE
    """All artefacts of the repository together."""

    static_bytes: int = 8 * _MEGABYTE
    fairness: FairnessLimits = field(default_factory=FairnessLimits)
    static_fairness: FairnessLimits = STATIC_FAIRNESS

    def lost_to_int8_on(self, texts: int) -> float:
        """Return the accuracy that INT8 may lose against FP32 on one file of so many texts."""
        return self.lost_to_int8 + self.deviations * math.sqrt(self.sides_changed / texts)

    def fairness_of(self, tier: Tier) -> FairnessLimits:
        """Return the fairness limits of a tier."""
        return self.static_fairness if tier is Tier.STATIC else self.fairness
