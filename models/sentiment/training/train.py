"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.artifacts import MODEL_FILE, TOKENIZER_FILE
from models.encoder.network import pretrained_folder
from models.encoder.tokens import WindowTokenizer
from models.sentiment import examples as labelled
from models.sentiment.lock import read_lock
from models.sentiment.settings import TrainSettings
from models.sentiment.training import checkpoint
from models.sentiment.training.artifact_weights import read_artifact_weights
from models.sentiment.training.batches import draw, one_window_each, plan_batches, tensors
from models.sentiment.training.classifier import SentimentClassifier, pretrained_classifier
from models.sentiment.training.loss import sentiment_loss

CHECKPOINT = "checkpoint.pt"


def read_training_examples(data: Path, settings: TrainSettings) -> labelled.Examples:
    """Read the training files of `data`, keeping the sources that the settings name.

    Raises:
        InvalidExamplesError: a file is unfit, or a named source is in none of them.
    """
    everything = labelled.concatenate([labelled.read(data / name) for name in settings.train_files])
    absent = set(settings.sources) - set(everything.source.tolist())
    if absent:
        raise labelled.InvalidExamplesError(
            f"{data}: no texts of source(s) {', '.join(sorted(absent))}"
        )
    return everything.take(np.flatnonzero(np.isin(everything.source, settings.sources)))


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Rate of step `step` (0-based): linear rise over the warm-up, linear fall to zero."""
    rise = min(1.0, (step + 1) / max(1, settings.warmup_steps))
    return settings.learning_rate * rise * (1 - step / settings.steps)


def build_optimizer(model: torch.nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """AdamW that decays matrices but not biases and norms."""
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decayed = [parameter for parameter in learned if parameter.ndim > 1]
    plain = [parameter for parameter in learned if parameter.ndim <= 1]
    return torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": settings.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        fused=True,
    )


def train(
    data: Path,
    work: Path,
    settings: TrainSettings,
    log: Callable[[str], None],
    start: Path | None = None,
) -> SentimentClassifier:
    """Fine-tune the classifier, resuming from a checkpoint in `work` where there is one.

    Args:
        data: folder of the Parquet files.
        work: folder for checkpoints; created if absent.
        settings: the run.
        log: takes one progress line at a time.
        start: checkpoint of an earlier run whose weights to continue from; the pretrained encoder
            with a new head where absent.

    Raises:
        InvalidExamplesError: the data does not fit.
        CheckpointMismatchError: `work` holds a checkpoint of other settings.
    """
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    examples = read_training_examples(data, settings)
    tokenizer = WindowTokenizer(pretrained_folder() / TOKENIZER_FILE, settings.window_tokens)
    sequences = one_window_each(examples.text, tokenizer, settings.seed)
    drawn = draw(examples, settings)
    batches = plan_batches(drawn, sequences, settings)
    log(
        f"{len(examples)} texts of {len(settings.sources)} sources, {len(drawn)} draws, "
        f"{np.mean([len(sequences[row]) for row in drawn]):.1f} tokens each on average"
    )

    model = pretrained_classifier(settings.dropout)
    model.train()
    if settings.frozen_embeddings:
        model.freeze_embeddings()
    optimizer = build_optimizer(model, settings)
    work.mkdir(parents=True, exist_ok=True)
    saved = work / CHECKPOINT
    first = 0
    history: list[dict[str, Any]] = []
    if saved.exists():
        state = checkpoint.load(saved, settings)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        first, history = state["step"], state["history"]
        log(f"resuming after step {first}")
    elif start is not None:
        history = _continue_from(start, model)
        log(f"continuing from the weights of {start}")

    label, binary = torch.from_numpy(examples.label), torch.from_numpy(examples.binary)
    started, recent = time.monotonic(), 0.0
    for step in range(first, settings.steps):
        rate = learning_rate(step, settings)
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows = batches[step]
        ids, mask = tensors(rows, sequences)
        logits = model(ids, mask)
        loss = sentiment_loss(logits.float(), label[rows], binary[rows], settings.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_norm)
        optimizer.step()

        done = step + 1
        recent = loss.item() if step == first else 0.98 * recent + 0.02 * loss.item()
        if done % settings.log_every == 0 or done == settings.steps:
            seconds = time.monotonic() - started
            remaining = seconds / (done - first) * (settings.steps - done)
            log(
                f"step {done}/{settings.steps} loss {recent:.4f} rate {rate:.2e} "
                f"{(done - first) * settings.batch_size / seconds:.0f} texts/s "
                f"ETA {remaining / 60:.1f} min"
            )
        if done % settings.checkpoint_every == 0 or done == settings.steps:
            checkpoint.save(saved, settings, done, model, optimizer, history)
    model.eval()
    return model


def _continue_from(start: Path, model: SentimentClassifier) -> list[dict[str, Any]]:
    """Load the weights of a checkpoint or of an artefact folder; return the runs behind them."""
    if start.is_dir():
        lock = read_lock(start)
        state = read_artifact_weights(start / MODEL_FILE)
        position = torch.zeros_like(model.position.weight)
        position[: lock.window_tokens] = state["position.weight"]
        zero = torch.zeros_like(model.segment)
        model.load_state_dict(state | {"position.weight": position, "segment": zero})
        earlier = dict(lock.training)
        return [*earlier.pop("continues", []), earlier]
    saved = checkpoint.read(start)
    model.load_state_dict(saved["model"])
    return [*saved["history"], saved["settings"]]
