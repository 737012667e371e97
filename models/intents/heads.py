"""A linear head over embeddings: calibrated probabilities of a few classes, or no answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]


def softmax(logits: Matrix) -> Matrix:
    """Return probabilities (n, k) of logits (n, k)."""
    exponential: Matrix = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    probabilities: Matrix = exponential / exponential.sum(axis=1, keepdims=True)
    return probabilities


@dataclass(frozen=True, slots=True)
class Head:
    """Weights (d, k) and bias (k,) of k classes; `temperature` divides their logits.

    An answer less probable than `threshold` is none.
    """

    classes: tuple[str, ...]
    weights: Matrix
    bias: Matrix
    temperature: float
    threshold: float

    def probabilities(self, embeddings: Matrix) -> Matrix:
        """Return calibrated probabilities (n, k) of embeddings (n, d)."""
        return softmax((embeddings @ self.weights + self.bias) / self.temperature)

    def answers(self, embeddings: Matrix) -> list[tuple[str, float] | None]:
        """Return each row's likeliest class and its probability, or None where that is too low.

        A row of zeros, which is what a text without a token has, is no answer.
        """
        probabilities = self.probabilities(embeddings)
        best = probabilities.argmax(axis=1)
        highest = probabilities[np.arange(len(best)), best]
        sure = (highest >= self.threshold) & embeddings.any(axis=1)
        return [
            (self.classes[index], probability) if answered else None
            for index, probability, answered in zip(
                best.tolist(), highest.tolist(), sure.tolist(), strict=True
            )
        ]
