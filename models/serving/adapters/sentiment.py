"""The encoder's tiers, `full` and `fast`: sentiment, and aspects where there is a token head."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from customerai.domain.analysis import Aspect
from models.artifacts import TOKENIZER_FILE, ArtifactError
from models.encoder.sessions import EncoderSession, LoneSession, graph_in
from models.encoder.tokens import WindowTokenizer
from models.sentiment.aspects import find, tagged
from models.sentiment.labels import LABELS, NEUTRAL
from models.sentiment.lock import read_lock
from models.sentiment.predictor import WindowLogits, combine
from models.serving.adapters.encoder_lanes import EncoderLanes
from models.serving.model import Lane
from models.serving.tickets import LaneLimits

ARTIFACTS = Path(__file__).parents[2] / "sentiment" / "artifact"

ASPECTS = "-aspects"
"""Ending of the lane that runs the token head too; an answer is (logits, token logits)."""

Window = Sequence[int]


class SentimentTier:
    """One artefact behind the server's workers."""

    field = "results"

    def __init__(self, name: str, folder: Path, limits: LaneLimits | None = None) -> None:
        """Load and verify the artefact in `folder`.

        Raises:
            ArtifactError: it is incomplete, altered, or of other classes.
        """
        lock = read_lock(folder)
        if lock.labels != tuple(LABELS):
            raise ArtifactError(f"{folder}: predicts {lock.labels}, not {tuple(LABELS)}")
        self.name = name
        self.version = lock.version
        self.abstain_below = lock.abstain_below
        """Calibrated top probability under which the tier abstains."""
        self._temperature = lock.temperature
        self._aspect_temperature = lock.aspect_temperature
        self._tokenizer = WindowTokenizer(folder / TOKENIZER_FILE, lock.window_tokens)
        encoder = EncoderLanes(graph_in(folder), ("logits",), limits)
        self.finds_aspects = "token_logits" in encoder.outputs
        lanes = {name: encoder.lane(_logits)}
        if self.finds_aspects:
            lanes[name + ASPECTS] = encoder.lane(_token_logits)
        self.lanes: Mapping[str, Lane] = lanes
        self.later_bytes = encoder.later_bytes

    def units(self, texts: Sequence[str]) -> list[list[Window]]:
        """Return each text's windows; a text without a token has none."""
        return [list(windows) for windows in self._tokenizer.encode(texts)]

    def scores(self, units: Sequence[Window], logits: Sequence[Sequence[float]]) -> list[float]:
        """Return a text's calibrated probabilities, in the order of LABELS, from its windows'."""
        if len(units) == 1:  # what `combine` makes of a single window, without its arrays
            highest = max(logits[0])
            weights = [math.exp((value - highest) / self._temperature) for value in logits[0]]
            total = sum(weights)
            return [weight / total for weight in weights]
        if not units:
            return [float(index == NEUTRAL) for index in range(len(LABELS))]
        answers = WindowLogits(
            texts=1,
            logits=np.asarray(logits, dtype=np.float64),
            owner=np.zeros(len(units), dtype=np.int64),
            length=np.asarray([len(unit) - 2 for unit in units], dtype=np.int64),
        )
        scores: list[float] = combine(answers, self._temperature)[0].tolist()
        return scores

    def aspects(self, text: str, answers: Sequence[tuple[Any, Any]]) -> list[Aspect]:
        """Return what a text has an opinion of, from the answers of the lane with `ASPECTS`."""
        windows = [tokens for _, tokens in answers]
        return find(tagged(text, windows, self._tokenizer), self._aspect_temperature)

    def join(self, units: Sequence[Window], answers: Sequence[Sequence[float]]) -> dict[str, Any]:
        """Return a text's label and scores."""
        return sentiment(self.scores(units, answers))


def _logits(session: EncoderSession | LoneSession, windows: Sequence[Window]) -> list[list[float]]:
    (logits,) = session.run(windows)
    rows: list[list[float]] = logits.tolist()
    return rows


def _token_logits(
    session: EncoderSession | LoneSession, windows: Sequence[Window]
) -> list[tuple[list[float], Any]]:
    logits, tokens = session.run(windows, ("logits", "token_logits"))
    return list(zip(logits.tolist(), tokens, strict=True))


def sentiment(scores: Sequence[float]) -> dict[str, Any]:
    """Return label and scores as responses have them."""
    names = [label.value for label in LABELS]
    return {
        "label": names[scores.index(max(scores))],
        "scores": dict(zip(names, scores, strict=True)),
    }


def load(name: str, folder: Path | None = None) -> SentimentTier:
    """Load the tier of this name, from its own folder unless told otherwise."""
    return SentimentTier(name, folder or ARTIFACTS / name)
