"""Every setting of a distillation into the static tier, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from models.sentiment.settings import TrainSettings
from models.sentiment.sources import SOURCES


@dataclass(frozen=True, slots=True)
class StaticSettings:
    """Every field is also an option of `python -m models.sentiment distil-static`."""

    version: str = "static-sentiment"
    """Name under which the artefact answers and is recorded next to each analysis."""

    sources: tuple[str, ...] = tuple(SOURCES)
    train_files: tuple[str, ...] = ("sentiment_train.parquet", "reviews_train.parquet")
    dev_files: tuple[str, ...] = ("sentiment_dev.parquet", "reviews_dev.parquet")
    """Held out: they end the training and fit the temperature."""

    own_examples: bool = True
    """Learn from this project's own counterfactual sentences too, see `fairness.augmentation`."""

    most_taught: int = 4_000
    """Texts of a source that the teacher is asked about, drawn at random; the others teach by their
    label alone."""

    embedding_width: int = 128
    """Width of a piece's embedding while it learns; nothing of it is served."""

    channels: int = 64
    pair_width: int = 8
    pair_bits: int = 17
    """Pairs of neighbours share 2 ** pair_bits rows of pair_width numbers."""

    hidden: int = 64
    """Units between the sums and the logits."""

    least_uses: int = 2
    """A word piece that the training texts hold less often than this has no row of its own."""

    most_bytes: int = 8_000_000
    """What the whole artefact may weigh; export refuses more."""

    abstain_below: float = 0.4
    """Top probability under which the served model would rather not say."""

    steps: int = 2400
    batch_size: int = 256
    learning_rate: float = 3e-3
    """Falls linearly to zero."""

    weight_decay: float = 0.1
    dropout: float = 0.3
    label_smoothing: float = 0.05
    label_weight: float = 0.5
    """Factor on the loss against labels; the loss against the teacher has factor 1."""

    most_pieces: int = 256
    """Word pieces of a text that training looks at; what is served reads all."""

    measure_every: int = 200
    patience: int = 3
    """Training ends when this many measurements in a row brought no better dev loss."""

    balance_exponent: float = 0.5
    emphasis: tuple[tuple[str, float], ...] = (
        ("semeval_tweets", 3.0),
        ("sst2_sentences", 2.0),
        ("airline_tweets", 2.0),
        ("sst2_phrases", 1.5),
    )
    most_repeats: int = 4
    seed: int = 7
    threads: int = 2
    """CPU threads of the teacher. The training itself takes one: its matrices are too small to
    share out."""

    def encoder_settings(self) -> TrainSettings:
        """Return the settings that the encoder's training shares: data, drawing and batches."""
        return TrainSettings(
            version=self.version,
            sources=self.sources,
            train_files=self.train_files,
            dev_files=self.dev_files,
            own_examples=self.own_examples,
            steps=self.steps,
            batch_size=self.batch_size,
            balance_exponent=self.balance_exponent,
            emphasis=tuple(pair for pair in self.emphasis if pair[0] in self.sources),
            most_repeats=self.most_repeats,
            seed=self.seed,
            threads=self.threads,
        )
