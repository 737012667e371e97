"""From texts to calibrated scores, with the quantised model.

A text of any length is analysed whole. It is normalised, tokenised without truncation and cut into
the fewest overlapping windows that cover it (`tokens.windows`). The encoder sees each window;
`combine` turns the windows' probabilities into the text's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from customerai.domain.sentiment import SentimentLabel
from models.artifacts import MODEL_FILE, TOKENIZER_FILE, ArtifactError
from models.encoder.sessions import SessionPool
from models.encoder.tokens import WindowTokenizer
from models.sentiment.aspects import TaggedText, tagged
from models.sentiment.labels import LABELS, NEUTRAL
from models.sentiment.lock import read_lock

ARTIFACT = Path(__file__).parent / "artifact" / "full"
"""The artefact that comes with this repository."""

_OPINION_FLOOR = 0.05
_OPINION_EXPONENT = 2.0

Scores = dict[SentimentLabel, float]
"""Calibrated probability of each class; they sum to 1."""


@dataclass(frozen=True, slots=True)
class WindowLogits:
    """The encoder's answers for w windows of n texts.

    `logits` is float64 (w, 3); `owner` int64 (w,) says which text a window is from; `length` int64
    (w,) counts its tokens. A text without a single token owns no window.
    """

    texts: int
    logits: npt.NDArray[np.float64]
    owner: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]


def combine(answers: WindowLogits, temperature: float) -> npt.NDArray[np.float64]:
    """Return the (n, 3) probabilities of n texts from those of their windows.

    Each window's logits are divided by `temperature` and put through a softmax. A text's
    probabilities are the mean of its windows', weighted by their length and by the square of how
    much opinion they show, 0.05 + (1 - P(neutral)): one decisive passage in a long, factual text
    must not drown. A text of one window keeps that window's probabilities; one without any token
    is neutral.
    """
    scaled = answers.logits / temperature
    exponential = np.exp(scaled - scaled.max(axis=1, keepdims=True, initial=-np.inf))
    of_window = exponential / exponential.sum(axis=1, keepdims=True)
    opinion = (_OPINION_FLOOR + 1.0 - of_window[:, NEUTRAL]) ** _OPINION_EXPONENT
    weight = answers.length * opinion
    probabilities = np.zeros((answers.texts, len(LABELS)))
    np.add.at(probabilities, answers.owner, of_window * weight[:, None])
    total = probabilities.sum(axis=1, keepdims=True)
    probabilities[total[:, 0] == 0.0, NEUTRAL] = 1.0
    return probabilities / np.where(total == 0.0, 1.0, total)


class SentimentPredictor:
    """The quantised encoder behind a pool of threads, each with a single-threaded session.

    Safe to call from several threads at once. Scores of the same list of texts are reproducible;
    because activations are quantised per micro-batch, a text's scores can differ slightly between
    lists (the model card says by how much).
    """

    def __init__(
        self,
        model: Path,
        tokenizer: Path,
        *,
        version: str,
        window_tokens: int,
        temperature: float,
        workers: int | None = None,
    ) -> None:
        """Load a graph and a tokenizer.

        Args:
            model: ONNX graph with inputs ids and mask, int32 (batch, tokens), and outputs logits,
                float32 (batch, 3), and, where it has a token head, token_logits, float32 (batch,
                tokens, 6).
            tokenizer: `tokenizer.json`.
            version: what the model is called.
            window_tokens: the longest sequence that the graph takes.
            temperature: what logits are divided by.
            workers: threads and sessions; one for each CPU by default.
        """
        self.version = version
        self._temperature = temperature
        self.tokenizer = WindowTokenizer(tokenizer, window_tokens)
        count = workers or os.cpu_count() or 1
        self._pool = SessionPool(model, count, "sentiment")
        self.finds_aspects = "token_logits" in self._pool.outputs
        """Whether the model has a token head."""

    @classmethod
    def load(cls, folder: Path = ARTIFACT, *, workers: int | None = None) -> SentimentPredictor:
        """Load an artefact after verifying its files against its lock.

        Raises:
            ArtifactError: the artefact is incomplete, altered, or of other classes.
        """
        lock = read_lock(folder)
        if lock.labels != tuple(LABELS):
            raise ArtifactError(f"{folder}: predicts {lock.labels}, not {tuple(LABELS)}")
        return cls(
            folder / MODEL_FILE,
            folder / TOKENIZER_FILE,
            version=lock.version,
            window_tokens=lock.window_tokens,
            temperature=lock.temperature,
            workers=workers,
        )

    def predict(self, texts: Sequence[str]) -> list[Scores]:
        """Return each text's scores, in the order of `texts`."""
        return [dict(zip(LABELS, row, strict=True)) for row in self.probabilities(texts).tolist()]

    def probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return calibrated probabilities (n, 3) of n texts; columns in the order of LABELS."""
        return combine(self.window_logits(texts), self._temperature)

    def window_logits(self, texts: Sequence[str]) -> WindowLogits:
        """Run the encoder over every window of every text."""
        answers, _ = self._run(texts, ("logits",))
        return answers

    def tag(self, texts: Sequence[str]) -> tuple[WindowLogits, list[TaggedText]]:
        """Run the encoder with its token head, which `models.sentiment.aspects` reads.

        Raises:
            ArtifactError: the model has no token head.
        """
        if not self.finds_aspects:
            raise ArtifactError(f"{self.version} has no token head and finds no aspects")
        answers, of_tokens = self._run(texts, ("logits", "token_logits"))
        windows: list[list[npt.NDArray[np.float32]]] = [[] for _ in texts]
        for owner, logits in zip(answers.owner.tolist(), of_tokens, strict=True):
            windows[owner].append(logits)
        tags = [
            tagged(text, cuts, self.tokenizer) for text, cuts in zip(texts, windows, strict=True)
        ]
        return answers, tags

    def close(self) -> None:
        """Finish what is running and stop the threads."""
        self._pool.close()

    def _run(
        self, texts: Sequence[str], outputs: Sequence[str]
    ) -> tuple[WindowLogits, list[npt.NDArray[np.float32]]]:
        """The text head's answers, and the second output's for each window where asked for."""
        sequences: list[list[int]] = []
        owner: list[int] = []
        for index, cuts in enumerate(self.tokenizer.encode(texts)):
            sequences += cuts
            owner += [index] * len(cuts)
        logits = np.zeros((len(sequences), len(LABELS)))
        second: dict[int, npt.NDArray[np.float32]] = {}
        for rows, (answer, *rest) in self._pool.run(sequences, outputs):
            logits[rows] = answer
            for output in rest:
                second.update(zip(rows, output, strict=True))
        length = np.asarray([len(sequence) - 2 for sequence in sequences], dtype=np.int64)
        answers = WindowLogits(len(texts), logits, np.asarray(owner, dtype=np.int64), length)
        return answers, [second[row] for row in range(len(sequences))] if second else []
