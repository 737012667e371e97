"""Every setting of a distillation into the fast tier, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from models.sentiment.settings import TrainSettings
from models.sentiment.sources import SOURCES


@dataclass(frozen=True, slots=True)
class DistilSettings:
    """What defines a distillation; a checkpoint is resumed only under equal settings.

    Every field is also an option of `python -m models.sentiment distil`. A field that
    `TrainSettings` has too means the same here.
    """

    version: str = "minilm-l2-sentiment-1"
    """Name under which the artefact is served and recorded next to each analysis."""

    sources: tuple[str, ...] = tuple(SOURCES)
    train_files: tuple[str, ...] = ("sentiment_train.parquet", "reviews_train.parquet")
    dev_files: tuple[str, ...] = ("sentiment_dev.parquet", "reviews_dev.parquet")

    layers: tuple[int, ...] = (0, 3)
    """The teacher's layers, counted from 0, whose weights the student's layers begin with."""

    steps: int = 1500
    batch_size: int = 64
    learning_rate: float = 4e-4
    warmup_steps: int = 100
    weight_decay: float = 0.01
    dropout: float = 0.05

    label_weight: float = 0.3
    """Share of the loss that comes from the labels; the rest comes from the teacher."""

    temperature: float = 2.0
    """What both the teacher's and the student's logits are divided by where they are compared."""

    label_smoothing: float = 0.0
    gradient_norm: float = 1.0

    balance_exponent: float = 0.5
    emphasis: tuple[tuple[str, float], ...] = TrainSettings().emphasis
    most_repeats: int = 4

    seed: int = 7
    threads: int = 2
    """CPU threads of the teacher and of PyTorch."""

    checkpoint_every: int = 200
    log_every: int = 25

    def as_training(self, window_tokens: int) -> TrainSettings:
        """Return the settings of the training run that this is, but for the teacher.

        Args:
            window_tokens: the longest sequence that the teacher sees.
        """
        return TrainSettings(
            version=self.version,
            sources=self.sources,
            train_files=self.train_files,
            dev_files=self.dev_files,
            aspect_every=0,
            steps=self.steps,
            batch_size=self.batch_size,
            window_tokens=window_tokens,
            learning_rate=self.learning_rate,
            warmup_steps=self.warmup_steps,
            weight_decay=self.weight_decay,
            dropout=self.dropout,
            frozen_embeddings=True,
            label_smoothing=self.label_smoothing,
            gradient_norm=self.gradient_norm,
            balance_exponent=self.balance_exponent,
            emphasis=self.emphasis,
            most_repeats=self.most_repeats,
            seed=self.seed,
            threads=self.threads,
            checkpoint_every=self.checkpoint_every,
            log_every=self.log_every,
        )
