"""Class index to label, as the domain defines the labels and their order."""

from __future__ import annotations

from customerai.domain.sentiment import SentimentLabel

LABELS = tuple(SentimentLabel)
"""0 negative, 1 neutral, 2 positive."""

NEUTRAL = LABELS.index(SentimentLabel.NEUTRAL)
