"""The training losses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models.sentiment.labels import NEUTRAL

_EXCLUDED = -1e9


def sentiment_loss(logits: Tensor, label: Tensor, binary: Tensor, smoothing: float) -> Tensor:
    """Mean cross-entropy with label smoothing, over the classes that each row knows.

    A binary row comes from a source without a neutral class. Its silence about "neutral" is no
    evidence against it, so its loss is taken over the negative and positive logits only; its
    neutral logit gets no gradient.

    Args:
        logits: (batch, 3).
        label: (batch,) class indexes.
        binary: (batch,) bool.
        smoothing: share of the target spread evenly over the classes that the row knows.
    """
    known = torch.ones_like(logits, dtype=torch.bool)
    known[:, NEUTRAL] = ~binary
    log_probability = logits.masked_fill(~known, _EXCLUDED).log_softmax(-1)
    right = log_probability.gather(1, label[:, None])[:, 0]
    even = log_probability.masked_fill(~known, 0.0).sum(-1) / known.sum(-1)
    return -((1 - smoothing) * right + smoothing * even).mean()


@dataclass(frozen=True, slots=True)
class Lesson:
    """How a student weighs what it is told."""

    label_weight: float
    """Share of the loss that comes from the labels; the rest comes from the teacher."""

    temperature: float
    """What both the teacher's and the student's logits are divided by where they are compared."""


def distillation_loss(logits: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Mean KL divergence of the student's classes from the teacher's, both softened, times the
    square of the temperature, which keeps the gradient's size (Hinton et al. 2015,
    https://arxiv.org/abs/1503.02531).

    Args:
        logits: (batch, 3), the student's.
        teacher: (batch, 3), the teacher's, up to a constant per row.
        temperature: what both are divided by.
    """
    return functional.kl_div(
        (logits / temperature).log_softmax(-1),
        (teacher / temperature).log_softmax(-1),
        reduction="batchmean",
        log_target=True,
    ) * (temperature * temperature)
