"""What the server needs of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from customerai.domain.sentiment import SentimentLabel


class Predictor(Protocol):
    """A loaded model."""

    @property
    def version(self) -> str:
        """Name of the model version, returned with every answer."""

    def predict(self, texts: Sequence[str]) -> Sequence[Mapping[SentimentLabel, float]]:
        """Return each text's scores, summing to 1, in order. Called from several threads."""

    def close(self) -> None:
        """Free threads and memory; nothing is asked afterwards."""
