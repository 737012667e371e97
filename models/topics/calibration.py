"""From a text's cosines with all topics to the probability that it is about each of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.artifacts import ArtifactError

ARTIFACT = Path(__file__).parent / "artifact" / "calibration.json"
"""What comes with this repository; `python -m models.topics calibrate` makes it again."""

Floats = npt.NDArray[np.float64]

FEATURES = ("cosine", "share", "lead", "examples", "cosine_with_examples")

_SOFTNESS = 0.05
"""A cosine lower by this much has a share smaller by the factor e."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic model: `bias` plus `weights`, one for each of FEATURES.

    A topic below `threshold` is no match.
    """

    bias: float
    weights: tuple[float, ...]
    threshold: float

    def confidence(self, cosines: Floats, examples: Floats) -> Floats:
        """Return confidences (n, t) for cosines (n, t) with topics that have `examples` (t,)."""
        logits = features(cosines, examples) @ np.asarray(self.weights) + self.bias
        probability: Floats = 1.0 / (1.0 + np.exp(-logits))
        return probability


def load(path: Path = ARTIFACT) -> Calibration:
    """Read a calibration.

    Raises:
        ArtifactError: the file is missing or is no calibration of these features.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        weights = tuple(float(raw["weights"][name]) for name in FEATURES)
        return Calibration(float(raw["bias"]), weights, float(raw["threshold"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ArtifactError(f"{path}: not a readable calibration ({error})") from error


def features(cosines: Floats, examples: Floats) -> Floats:
    """Return (n, t, 5), what tells of each topic, in the order of FEATURES.

    The cosine; the logarithm of the topic's share of a softmax of cosines / 0.05; the lead over the
    text's third-nearest topic (of two or one: over the farthest); log(1 + examples); and that times
    the cosine. What a cosine means differs between taxonomies, so the others matter; but the lead
    is not over the best other topic, so that two topics of one text do not put each other out.
    """
    scaled = cosines / _SOFTNESS
    highest = scaled.max(axis=1, keepdims=True)
    share = scaled - highest - np.log(np.exp(scaled - highest).sum(axis=1, keepdims=True))
    third = np.sort(cosines, axis=1)[:, -min(3, cosines.shape[1])][:, None]
    known = np.broadcast_to(np.log1p(examples), cosines.shape)
    return np.stack([cosines, share, cosines - third, known, known * cosines], axis=2)


def fit(
    rows: Floats, right: Floats, weights: Floats, *, penalty: float = 1e-6, steps: int = 12
) -> tuple[float, tuple[float, ...]]:
    """Return bias and weights of the logistic regression of `right` (n,), 0 or 1, on `rows`
    (n, f), each row weighted; by Newton's method with an L2 penalty on all but the bias."""
    augmented = np.hstack([np.ones((len(rows), 1)), rows])
    ridge = penalty * np.eye(augmented.shape[1])
    ridge[0, 0] = 1e-9
    parameters = np.zeros(augmented.shape[1])
    share = weights / weights.sum()
    for _ in range(steps):
        probability = 1.0 / (1.0 + np.exp(-augmented @ parameters))
        gradient = augmented.T @ (share * (probability - right)) + ridge @ parameters
        curvature = share * np.maximum(probability * (1.0 - probability), 1e-9)
        hessian = (augmented * curvature[:, None]).T @ augmented + ridge
        parameters -= np.linalg.solve(hessian, gradient)
    return float(parameters[0]), tuple(float(value) for value in parameters[1:])
