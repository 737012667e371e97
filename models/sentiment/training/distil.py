"""Distilling the encoder into one of fewer layers (Hinton et al. 2015,
https://arxiv.org/abs/1503.02531; layers taken over as in Sanh et al. 2019,
https://arxiv.org/abs/1910.01108)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from models.artifacts import MODEL_FILE, TOKENIZER_FILE
from models.encoder.tokens import WindowTokenizer
from models.sentiment import examples as labelled
from models.sentiment.distil_settings import DistilSettings
from models.sentiment.lock import ArtifactLock, read_lock
from models.sentiment.settings import ExportSettings, TrainSettings
from models.sentiment.sources import SOURCES
from models.sentiment.static.teacher import teach
from models.sentiment.training import checkpoint
from models.sentiment.training.artifact_writer import write_artifact
from models.sentiment.training.batches import draw, one_window_each, plan_batches, tensors
from models.sentiment.training.classifier import SentimentClassifier
from models.sentiment.training.dequantised import dequantised, student_of
from models.sentiment.training.loss import sentiment_loss
from models.sentiment.training.train import (
    build_optimizer,
    learning_rate,
    read_training_examples,
)

CHECKPOINT = "student.pt"
_LEAST_PROBABILITY = 1e-7


def distillation_loss(logits: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Mean KL divergence of the student's classes from the teacher's, both softened, times the
    square of the temperature, which keeps the gradient's size.

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


def distil(
    data: Path,
    teacher: Path,
    work: Path,
    settings: DistilSettings,
    log: Callable[[str], None],
) -> SentimentClassifier:
    """Teach a student, resuming from a checkpoint in `work` where there is one.

    Args:
        data: folder of the Parquet files.
        teacher: folder of the teacher's artefact.
        work: folder for checkpoints and for what the teacher said; created if absent.
        settings: the run.
        log: takes one progress line at a time.

    Raises:
        InvalidExamplesError: the data does not fit.
        ArtifactError: the teacher's artefact is unfit.
        ValueError: the teacher has no such layers, or the data is too small for so many steps.
        CheckpointMismatchError: `work` holds a checkpoint of other settings or another teacher.
    """
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    lock = read_lock(teacher)
    run = settings.as_training(lock.window_tokens)
    examples = read_training_examples(data, run)
    tokenizer = WindowTokenizer(teacher / TOKENIZER_FILE, lock.window_tokens)
    sequences = one_window_each(examples.text, tokenizer, settings.seed)
    drawn = draw(examples, run)
    batches = plan_batches(drawn, sequences, run)
    log(
        f"{len(examples)} texts of {len(settings.sources)} sources, {len(drawn)} draws, "
        f"{np.mean([len(sequences[row]) for row in drawn]):.1f} tokens each on average"
    )

    student = student_of(dequantised(teacher), settings.layers, settings.dropout)
    student.train()
    student.freeze_embeddings()
    student.tokens.requires_grad_(False)
    optimizer = build_optimizer(student, run)
    first = 0
    taught_by = [{"teacher": lock.version, "sha256": lock.files[MODEL_FILE].sha256}]
    saved = work / CHECKPOINT
    if saved.exists():
        state = checkpoint.load(saved, settings)
        if state["history"] != taught_by:
            raise checkpoint.CheckpointMismatchError(
                f"{saved} is of a student of {state['history'][0]['teacher']}, not of this "
                f"{lock.version}; give another --work folder to start anew"
            )
        student.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        first = state["step"]
        log(f"resuming after step {first}")
    if first < settings.steps:
        answers = _teacher_answers(examples, drawn, teacher, work, settings, log)
        label, binary = torch.from_numpy(examples.label), torch.from_numpy(examples.binary)
        started, recent = time.monotonic(), 0.0
        for step in range(first, settings.steps):
            rate = learning_rate(step, run)
            for group in optimizer.param_groups:
                group["lr"] = rate
            rows = batches[step]
            logits = student(*tensors(rows, sequences))
            from_teacher = distillation_loss(logits, answers[rows], settings.temperature)
            from_labels = sentiment_loss(
                logits, label[rows], binary[rows], settings.label_smoothing
            )
            loss = torch.lerp(from_teacher, from_labels, settings.label_weight)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(student.parameters(), settings.gradient_norm)
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
                checkpoint.save(saved, settings, done, student, optimizer, taught_by)
    student.eval()
    return student


def distil_and_export(
    data: Path,
    teacher: Path,
    work: Path,
    artifact: Path,
    settings: DistilSettings,
    limits: ExportSettings,
    log: Callable[[str], None],
) -> ArtifactLock:
    """Distil, then write the student's artefact; see `distil` and `write_artifact`."""
    student = distil(data, teacher, work, settings, log)
    lock = read_lock(teacher)
    run = settings.as_training(lock.window_tokens)
    how: dict[str, Any] = asdict(settings) | {
        "teacher": {"version": lock.version, "files": asdict(lock)["files"]},
    }
    return write_artifact(
        student,
        labelled.concatenate([labelled.read(data / name) for name in settings.dev_files]),
        teacher / TOKENIZER_FILE,
        work,
        artifact,
        replace(run, sources=_learned_from(lock, run)),
        how,
        limits,
        log,
    )


def _teacher_answers(
    examples: labelled.Examples,
    drawn: npt.NDArray[np.int64],
    teacher: Path,
    work: Path,
    settings: DistilSettings,
    log: Callable[[str], None],
) -> Tensor:
    """The teacher's logits for every text that the run sees, up to a constant per row."""
    rows = np.unique(drawn)
    answers = teach(examples.text, rows, teacher, work, settings.threads, log)
    return torch.from_numpy(np.log(np.maximum(answers, _LEAST_PROBABILITY)))


def _learned_from(teacher: ArtifactLock, run: TrainSettings) -> tuple[str, ...]:
    """Every source that the student or its teacher learned from: their terms bind both."""
    runs = [teacher.training, *teacher.training.get("continues", [])]
    names = set(run.sources).union(*(run.get("sources", []) for run in runs))
    return tuple(name for name in SOURCES if name in names)
