"""The training loss."""

from __future__ import annotations

import torch
from torch import Tensor

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
