"""Every setting of a training run, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from models.sentiment.sources import SOURCES


@dataclass(frozen=True)
class TrainSettings:
    """What defines a training run; a checkpoint is resumed only under equal settings.

    Every field is also an option of `python -m models.sentiment train`.
    """

    version: str = "minilm-l6-sentiment"
    """Name under which the artefact is served and recorded next to each analysis."""

    sources: tuple[str, ...] = tuple(SOURCES)
    """Names of the data sources to learn from; their terms are in `sources.py`."""

    train_files: tuple[str, ...] = ("sentiment_train.parquet", "reviews_train.parquet")
    """Parquet files inside the data folder: columns text, label, source, binary."""

    dev_files: tuple[str, ...] = ("sentiment_dev.parquet", "reviews_dev.parquet")
    """Held-out files: measured after training and used to fit the temperature, never learned."""

    aspects_file: str = "aspects_semeval14.parquet"
    """Inside the data folder: sentences with marked aspects, for the token head."""

    aspect_every: int = 2
    """Every so many steps a batch of marked sentences joins the step; 0 leaves the head alone."""

    aspect_batch_size: int = 24
    aspect_weight: float = 0.5
    """Factor on the loss of marked sentences."""

    steps: int = 3000
    batch_size: int = 32
    """Texts per optimiser step."""

    window_tokens: int = 128
    """Longest token sequence the encoder sees, [CLS] and [SEP] included."""

    learning_rate: float = 1e-4
    """Peak rate; it rises linearly over `warmup_steps`, then falls linearly to zero."""

    warmup_steps: int = 150
    weight_decay: float = 0.01
    dropout: float = 0.1
    frozen_embeddings: bool = False
    """Leave token and position embeddings as they started, half of all weights: a step costs less,
    and words that training never shows keep their place among those it does."""

    rounded_share: float = 0.2
    """Over the last so many of the steps the network computes with its weights and inputs rounded
    as in INT8, and learns to do with that. Ranges are fixed before the first of them."""

    label_smoothing: float = 0.05
    gradient_norm: float = 1.0
    """Gradients are clipped to this L2 norm."""

    balance_exponent: float = 0.5
    """A (source, label) group of n texts is drawn in proportion to n to this power: 1 follows the
    data, 0 draws every group alike."""

    emphasis: tuple[tuple[str, float], ...] = (
        ("semeval_tweets", 3.0),
        ("sst2_sentences", 2.0),
        ("airline_tweets", 2.0),
        ("sst2_phrases", 1.5),
    )
    """Factors on a source's share, for sources closest to what the model is for."""

    most_repeats: int = 4
    """No text is seen more often than this in one run."""

    seed: int = 7
    threads: int = 2
    """CPU threads of PyTorch."""

    own_examples: bool = True
    """Learn from this project's own counterfactual sentences too, see `fairness.augmentation`."""

    device: str = "auto"
    """auto, cpu or cuda; auto is a GPU where there is one."""

    precision: str = "auto"
    """auto, fp32, bf16 or fp16: what the network computes in. Weights, gradients and optimiser
    state are FP32 in any case. auto is bf16 where the hardware computes it natively, else fp32."""

    fp16_scale: float = 65536.0
    """Factor on the loss at the start of an fp16 run; it adapts."""

    accumulate_steps: int = 1
    """Forward passes that a worker cuts its part of a batch into, to need less memory."""

    shard_optimizer: bool = False
    """Spread the optimiser's state over the workers instead of keeping a copy in each."""

    prefetch: int = 8
    """Batches that are built ahead of the step that is running."""

    snapshot_every: int = 50
    """Steps between two copies of the state in memory, which a spike is rolled back to."""

    most_trouble: int = 10
    """Skipped or rolled back steps, without 100 good ones in a row between them, that end a run."""

    checkpoint_every: int = 200
    log_every: int = 25


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """What an artefact must hold to be written."""

    most_accuracy_lost: float = 0.01
    """The most accuracy that the INT8 model may lose against FP32 over all dev texts together."""

    reduce_range: bool = True
    """Keep INT8 matrices within 7 bits, so that CPUs without VNNI don't saturate and every CPU
    gives the same answers."""

    abstain_below: float = 0.5
    """An answer whose calibrated probability is less than this is more likely wrong than right."""

    most_logit_difference: float = 1e-3
    """The most by which the ONNX graph's logits may differ from PyTorch's, before quantisation."""
