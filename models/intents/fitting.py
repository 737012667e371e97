"""Fitting a linear head: weighted multinomial logistic regression, in NumPy alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.intents.heads import Matrix, softmax

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a head learns."""

    decay: float = 3e-5
    """L2 penalty on the weights, in units of the mean loss."""

    steps: int = 200
    rate: float = 0.5
    """Highest learning rate; it falls to 0 along a half cosine."""

    smoothing: float = 0.05
    """Share of the target that is spread over all classes."""

    folds: int = 3
    """Of the cross-validation that temperature and threshold are chosen by."""

    precision: float = 0.8
    """What share of the answers given is to be right; what is less sure is no answer."""


def row_weights(sources: Sequence[str], labels: Rows, shares: Mapping[str, float]) -> Floats:
    """Return a weight for each row, with mean 1.

    A source has its share of the whole; within it a class of m rows has one in proportion to √m.
    """
    groups = list(zip(sources, labels.tolist(), strict=True))
    size = Counter(groups)
    total: Counter[str] = Counter()
    for (source, _), rows in size.items():
        total[source] += rows**0.5
    weight = [
        shares[group[0]] * size[group] ** 0.5 / total[group[0]] / size[group] for group in groups
    ]
    scaled: Floats = np.asarray(weight) / np.mean(weight)
    return scaled


def fit(
    embeddings: Matrix, labels: Rows, weights: Floats, classes: int, settings: FitSettings
) -> tuple[Matrix, Matrix]:
    """Return weights (d, classes) and bias (classes,) that minimise the weighted cross-entropy.

    Full-batch Adam (Kingma and Ba 2014, https://arxiv.org/abs/1412.6980) from zero, so that the
    same rows give the same head.
    """
    rows, width = embeddings.shape
    target = np.full((rows, classes), settings.smoothing / classes, dtype=np.float32)
    target[np.arange(rows), labels] += 1.0 - settings.smoothing
    weight = (weights / weights.sum()).astype(np.float32)[:, None]
    augmented = np.hstack([embeddings, np.ones((rows, 1), dtype=np.float32)])
    parameters = np.zeros((width + 1, classes), dtype=np.float32)
    first, second = np.zeros_like(parameters), np.zeros_like(parameters)
    for step in range(1, settings.steps + 1):
        gradient = augmented.T @ (weight * (softmax(augmented @ parameters) - target))
        gradient[:-1] += settings.decay * parameters[:-1]
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        mean, variance = first / (1 - 0.9**step), second / (1 - 0.99**step)
        rate = settings.rate * 0.5 * (1 + np.cos(np.pi * step / settings.steps))
        parameters -= np.float32(rate) * mean / (np.sqrt(variance) + 1e-8)
    return parameters[:-1].copy(), parameters[-1].copy()


def out_of_fold(
    embeddings: Matrix, labels: Rows, weights: Floats, classes: int, settings: FitSettings
) -> Matrix:
    """Return logits (n, classes), each row's from a head that did not learn from that row."""
    fold = np.random.default_rng(0).permutation(len(labels)) % settings.folds
    logits = np.zeros((len(labels), classes), dtype=np.float32)
    for index in range(settings.folds):
        seen, held = fold != index, fold == index
        matrix, bias = fit(embeddings[seen], labels[seen], weights[seen], classes, settings)
        logits[held] = embeddings[held] @ matrix + bias
    return logits


def fit_temperature(logits: Matrix, labels: Rows, weights: Floats) -> float:
    """Return the temperature of 0.2 to 3 that minimises the weighted negative log-likelihood
    (Guo et al. 2017, https://arxiv.org/abs/1706.04599), to a hundredth."""

    def loss(temperature: float) -> float:
        probability = softmax(logits / np.float32(temperature))[np.arange(len(labels)), labels]
        return float(-(weights * np.log(np.maximum(probability, 1e-9))).sum())

    return min((step / 100 for step in range(20, 301)), key=loss)


def fit_threshold(probabilities: Matrix, labels: Rows, weights: Floats, precision: float) -> float:
    """Return the lowest probability above which the weighted share of right answers is at least
    `precision`; 1 where there is none."""
    highest = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == labels) * weights
    for threshold in np.arange(0, 100) / 100:
        given = highest >= threshold
        if given.any() and right[given].sum() / weights[given].sum() >= precision:
            return float(threshold)
    return 1.0
