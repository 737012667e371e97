"""Every setting of a distillation into the fast tier, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from models.sentiment.settings import TrainSettings


@dataclass(frozen=True)
class DistilSettings(TrainSettings):
    """What defines a distillation: a training run, and what is particular to a student.

    Every field is also an option of `python -m models.sentiment distil`. The window is the
    teacher's, whatever `window_tokens` says.
    """

    version: str = "minilm-l2-sentiment"

    layers: tuple[int, ...] = (0, 3)
    """The teacher's layers, counted from 0, whose weights the student's layers begin with."""

    inner: int = 1280
    """Units of a layer's feed-forward part: those of the teacher's 1,536 that weigh most."""

    label_weight: float = 0.3
    """Share of the loss that comes from the labels; the rest comes from the teacher."""

    temperature: float = 2.0
    """What both the teacher's and the student's logits are divided by where they are compared."""

    aspect_every: int = 0
    steps: int = 2600
    batch_size: int = 64
    learning_rate: float = 4e-4
    warmup_steps: int = 100
    dropout: float = 0.05
    label_smoothing: float = 0.0
