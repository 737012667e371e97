"""Temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599)."""

from __future__ import annotations

import math

from models.sentiment.examples import Examples
from models.sentiment.metrics import negative_log_likelihood
from models.sentiment.predictor import WindowLogits, combine

_LOWEST, _HIGHEST = 0.2, 5.0
_TOLERANCE = 1e-4
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def fit_temperature(examples: Examples, answers: WindowLogits) -> float:
    """Return the temperature between 0.2 and 5 that minimises the negative log-likelihood of the
    labels, found by golden-section search over its logarithm."""

    def loss(log_temperature: float) -> float:
        probabilities = combine(answers, math.exp(log_temperature))
        return negative_log_likelihood(examples, probabilities)

    low, high = math.log(_LOWEST), math.log(_HIGHEST)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    loss_left, loss_right = loss(left), loss(right)
    while high - low > _TOLERANCE:
        if loss_left < loss_right:
            high, right, loss_right = right, left, loss_left
            left = high - _GOLDEN * (high - low)
            loss_left = loss(left)
        else:
            low, left, loss_left = left, right, loss_right
            right = low + _GOLDEN * (high - low)
            loss_right = loss(right)
    return round(math.exp((low + high) / 2), 4)
