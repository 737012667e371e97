"""The static tier: whole texts, no padding, a few microseconds each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from customerai_static import ARTIFACT, StaticSentiment
from models.serving.adapters.sentiment import sentiment
from models.serving.lane_limits import TEXTS
from models.serving.model import Lane


class StaticTier:
    """The model of `customerai_static` behind the server's workers; a unit is a text."""

    name = "static"
    field = "results"

    def __init__(self, model: StaticSentiment) -> None:
        self.version = model.version
        self.abstain_below: float = getattr(model, "abstain_below", 0.0)
        self.sure_above_beside = model.sure_above_beside
        """Top probability from which a cascade with a certain `full` takes this tier's word."""
        self._model = model
        self.lanes: Mapping[str, Lane] = {self.name: Lane(self._scores, TEXTS)}

    def units(self, texts: Sequence[str]) -> list[list[str]]:
        return [[text] for text in texts]

    def scores(self, units: Sequence[str], answers: Sequence[list[float]]) -> list[float]:  # noqa: ARG002
        """Return a text's calibrated probabilities, in the order of LABELS."""
        return answers[0]

    def join(self, units: Sequence[str], answers: Sequence[list[float]]) -> dict[str, Any]:  # noqa: ARG002
        """Return a text's label and scores."""
        return sentiment(answers[0])

    def _scores(self, texts: Sequence[str]) -> list[list[float]]:
        probabilities = self._model.probabilities(texts)
        if not np.isfinite(probabilities).all():
            raise FloatingPointError(f"{self.version}: answers what is no number")
        rows: list[list[float]] = probabilities.tolist()
        return rows


def load(name: str, folder: Path | None = None) -> StaticTier:  # noqa: ARG001  one signature for all
    return StaticTier(StaticSentiment.load(folder or ARTIFACT))
