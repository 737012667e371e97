"""What a text's author feels, as the platform knows it."""

from dataclasses import dataclass
from enum import StrEnum

MAX_CALL_TEXTS = 100
MAX_CALL_CHARACTERS = 100_000
"""What one call of the model takes, so that it answers before anybody gives up on it."""


class SentimentLabel(StrEnum):
    """The three classes, in the order of the model's outputs (0, 1, 2)."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


@dataclass(frozen=True, slots=True)
class Scores:
    """Calibrated probabilities; they sum to 1."""

    negative: float
    neutral: float
    positive: float


@dataclass(frozen=True, slots=True)
class Sentiment:
    """One model's answer for one text."""

    label: SentimentLabel
    scores: Scores
    model: str

    @property
    def confidence(self) -> float:
        """The probability of the label."""
        return float(getattr(self.scores, self.label))

    @property
    def score(self) -> float:
        """Positive minus negative probability: -1 (all negative) to 1 (all positive)."""
        return self.scores.positive - self.scores.negative
