"""The training loop, the same alone and among workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from models.encoder.rounding import calibrate, set_rounding
from models.sentiment.settings import TrainSettings
from models.sentiment.training import checkpoint
from models.sentiment.training.classifier import SentimentClassifier, pretrained_classifier
from models.sentiment.training.corpus import Corpus, open_corpus, read_training_examples
from models.sentiment.training.guard import Guard, Snapshot, Verdict
from models.sentiment.training.learner import Learner, backward, distribute
from models.sentiment.training.loss import Lesson
from models.sentiment.training.optimizer import build_optimizer, learning_rate, whole_state
from models.sentiment.training.precision import Precision, choose, loss_scaler
from models.sentiment.training.prefetch import Prefetch
from models.sentiment.training.progress import Lines, Progress, Shown
from models.sentiment.training.start import continue_from
from models.sentiment.training.world import World, joined

__all__ = [
    "CHECKPOINT",
    "build_optimizer",
    "fit",
    "learning_rate",
    "read_training_examples",
    "train",
]

CHECKPOINT = "checkpoint.pt"
CALIBRATION_BATCHES = 16
_MOST_WORKERS = 1 << 16


def train(
    data: Path,
    work: Path,
    settings: TrainSettings,
    log: Callable[[str], None] | Shown,
    start: Path | None = None,
) -> SentimentClassifier:
    """Fine-tune the classifier, resuming from a checkpoint in `work` where there is one.

    Under torchrun every process calls this; each computes its part of every batch, and the first
    logs and writes checkpoints.

    Args:
        data: folder of the Parquet files.
        work: folder for checkpoints and tokens; created if absent.
        settings: the run.
        log: takes progress, or one line of it at a time.
        start: checkpoint of an earlier run, or artefact folder, whose weights to continue from; the
            pretrained encoder with new heads where absent.

    Raises:
        InvalidExamplesError: the data does not fit.
        CheckpointMismatchError: `work` holds a checkpoint of other settings.
        DeviceError: the device that the settings name is not there.
        TrainingUnstableError: too many steps had to be skipped or rolled back.
        ValueError: the settings don't go together, or ask more of the data than there is.
    """
    shown: Shown = Lines(log) if callable(log) else log
    with joined(settings.device) as world:
        if not world.first:
            shown = Lines(lambda _: None)
        torch.set_num_threads(settings.threads)
        torch.manual_seed(settings.seed)
        corpus = open_corpus(data, work, settings, shown.line)
        shown.line(
            f"{corpus.texts} texts of {len(settings.sources)} sources, "
            f"{settings.steps * settings.batch_size} draws, "
            f"{corpus.mean_tokens():.1f} tokens each on average"
        )
        model = pretrained_classifier(settings.dropout)
        if settings.frozen_embeddings:
            model.freeze_embeddings()
        history: list[dict[str, Any]] = []
        if start is not None:
            # Only the first process's disk is sure to hold the checkpoint.
            history = world.from_first(lambda: _begin(start, work / CHECKPOINT, model, shown))
        fit(model, corpus, work / CHECKPOINT, settings, world, shown, history)
    return model


def _begin(
    start: Path, saved: Path, model: SentimentClassifier, shown: Shown
) -> list[dict[str, Any]]:
    if saved.exists():
        return []
    shown.line(f"continuing from the weights of {start}")
    return continue_from(start, model)


def fit(
    model: SentimentClassifier,
    corpus: Corpus,
    saved: Path,
    settings: TrainSettings,
    world: World,
    shown: Shown,
    history: list[dict[str, Any]],
    lesson: Lesson | None = None,
) -> None:
    """Train `model` in place, from the checkpoint `saved` on where there is one.

    `history` holds the settings of the runs that its weights come from; `lesson` says how a student
    weighs the teacher that the corpus holds.

    Raises:
        As `train` does.
    """
    if settings.batch_size < world.size * settings.accumulate_steps:
        raise ValueError(
            f"a batch of {settings.batch_size} texts can't be cut into {world.size} workers' "
            f"{settings.accumulate_steps} parts"
        )
    precision = choose(settings.precision, world.device)
    model.to(world.device).train()
    optimizer = build_optimizer(model, settings, workers=world.size)
    scaler = loss_scaler(precision, world.device, settings.fp16_scale)
    guard = Guard(settings.most_trouble, shown.line, scales=precision is Precision.FP16)
    first = 0
    state = world.from_first(lambda: checkpoint.load(saved, settings) if saved.exists() else None)
    if state is not None:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        if "guard" in state:
            guard.restore(state["guard"])
        if state.get("scaler"):
            scaler.load_state_dict(state["scaler"])
        first, history = state["step"], state["history"]
        shown.line(f"resuming after step {first}")
    shown.line(f"{world.size} worker(s) on {world.device.type}, computing in {precision}")

    learner = distribute(Learner(model, settings.label_smoothing, lesson), world)
    rounded_from = settings.steps - round(settings.rounded_share * settings.steps)
    snapshot = Snapshot(model, optimizer)
    snapshot.take()
    progress = Progress(settings, first, shown)
    feed = Prefetch(
        (
            corpus.pieces(step, world.rank, world.size, settings.accumulate_steps)
            for step in range(first, settings.steps)
        ),
        settings.prefetch,
    )
    try:
        for step, pieces in enumerate(feed, start=first):
            # What dropout draws depends on the step alone, so that a resumed run draws the same.
            torch.manual_seed((settings.seed * settings.steps + step) * _MOST_WORKERS + world.rank)
            if step == rounded_from:
                calibrate(model, model.hidden, corpus.shown(CALIBRATION_BATCHES, world.device))
            if step >= rounded_from:
                set_rounding(model, on=True)
            optimizer.zero_grad()
            losses = backward(
                learner, pieces, world, precision, settings.aspect_weight, scaler.scale
            )
            has_aspects = step in corpus.marked_batches
            if not has_aspects:
                # No gradient is not a gradient of zero: momentum and decay rest too.
                for parameter in model.tokens.parameters():
                    parameter.grad = None
            scaler.unscale_(optimizer)
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_norm)
            figures = torch.cat([losses, norm.reshape(1) / world.size])
            loss, of_aspects, of_gradient = world.total(figures)
            verdict = guard.judge(
                step + 1, loss, of_gradient, of_aspects=of_aspects if has_aspects else None
            )
            rate = guard.rate * learning_rate(step, settings)
            if verdict is Verdict.APPLY:
                if step % settings.snapshot_every == 0 or step % settings.checkpoint_every == 0:
                    # Before the update: the loss that was just seen speaks for these weights.
                    snapshot.take()
                for group in optimizer.param_groups:
                    group["lr"] = rate
                scaler.step(optimizer)
            elif verdict is Verdict.ROLL_BACK:
                snapshot.restore()
            lower = verdict is Verdict.ROLL_BACK and scaler.is_enabled()
            scaler.update(scaler.get_scale() / 2 if lower else None)

            done = step + 1
            if done == settings.steps == rounded_from:
                calibrate(model, model.hidden, corpus.shown(CALIBRATION_BATCHES, world.device))
            progress.step(done, loss, of_aspects if has_aspects else None, rate, feed.waited, guard)
            if done % settings.checkpoint_every == 0 or done == settings.steps:
                whole = whole_state(optimizer, first=world.first)
                if world.first:
                    more = {"guard": guard.state(), "scaler": scaler.state_dict()}
                    checkpoint.save(saved, settings, done, model, whole, history, more)
    finally:
        feed.close()
    progress.end(feed.waited)
    set_rounding(model, on=False)
    model.cpu().eval()
