"""The network and its losses as one module, which distributed data parallel can wrap."""

# mypy: allow-subclassing-any
from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from models.sentiment.training.aspect_batches import aspect_loss
from models.sentiment.training.classifier import SentimentClassifier
from models.sentiment.training.corpus import Piece
from models.sentiment.training.loss import Lesson, distillation_loss, sentiment_loss
from models.sentiment.training.precision import Precision, autocast
from models.sentiment.training.world import World


class Learner(nn.Module):
    """A classifier that answers with its loss."""

    def __init__(
        self, model: SentimentClassifier, smoothing: float, lesson: Lesson | None = None
    ) -> None:
        super().__init__()
        self.model = model
        self.smoothing = smoothing
        self.lesson = lesson

    def forward(self, piece: Piece) -> Tensor:
        """Return (2,): what a piece adds to its step's mean loss over texts, and over marked
        sentences."""
        model = self.model
        logits = model(piece.ids, piece.mask).float()
        of_texts = sentiment_loss(logits, piece.label, piece.binary, self.smoothing)
        if self.lesson is not None and piece.teacher is not None:
            of_teacher = distillation_loss(logits, piece.teacher, self.lesson.temperature)
            of_texts = torch.lerp(of_teacher, of_texts, self.lesson.label_weight)
        of_texts = of_texts * piece.share
        if piece.marked is None:
            # Workers exchange the gradient of every weight, so each has to be in every loss.
            of_aspects = sum(weight.sum() for weight in model.tokens.parameters()) * 0.0
        else:
            marked = piece.marked
            of_tokens = model.of_tokens(model.hidden(marked.ids, marked.mask)).float()
            of_aspects = aspect_loss(of_tokens, marked, self.smoothing)
        return torch.stack([of_texts, of_aspects])


def distribute(learner: Learner, world: World) -> nn.Module:
    """Let the gradients of all workers be averaged, in buckets, while they are still being
    computed; alone, do nothing."""
    if world.size == 1:
        return learner
    return DistributedDataParallel(learner, gradient_as_bucket_view=True)


def backward(
    learner: nn.Module,
    pieces: list[Piece],
    world: World,
    precision: Precision,
    aspect_weight: float,
    scale: Callable[[Tensor], Tensor],
) -> Tensor:
    """Add up the gradients of a step's pieces, and between workers only once, with the last one.

    Returns:
        (2,): this worker's part of the losses over texts and marked sentences.
    """
    losses = torch.zeros(2, device=world.device)
    for number, piece in enumerate(pieces, start=1):
        together: AbstractContextManager[object] = nullcontext()
        if isinstance(learner, DistributedDataParallel) and number < len(pieces):
            together = learner.no_sync()
        with together:
            with autocast(precision, world.device):
                parts = learner(piece.to(world.device))
            # The average over workers of their losses times their number is the sum.
            scale((parts[0] + aspect_weight * parts[1]) * world.size).backward()
        losses += parts.detach()
    return losses
