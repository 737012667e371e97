"""Distilling the encoder into one of fewer and narrower layers (Hinton et al. 2015,
https://arxiv.org/abs/1503.02531; layers taken over as in Sanh et al. 2019,
https://arxiv.org/abs/1910.01108)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.artifacts import MODEL_FILE, TOKENIZER_FILE
from models.sentiment import examples as labelled
from models.sentiment.distil_settings import DistilSettings
from models.sentiment.lock import ArtifactLock, read_lock
from models.sentiment.notice import lineage_sources
from models.sentiment.settings import ExportSettings
from models.sentiment.static.teacher import teach
from models.sentiment.training import checkpoint
from models.sentiment.training.artifact_writer import write_artifact
from models.sentiment.training.classifier import SentimentClassifier
from models.sentiment.training.corpus import open_corpus, read_everything
from models.sentiment.training.dequantised import dequantised, student_of
from models.sentiment.training.loss import Lesson
from models.sentiment.training.progress import Lines, Shown
from models.sentiment.training.train import CHECKPOINT, fit
from models.sentiment.training.world import joined

_LEAST_PROBABILITY = 1e-7


def distil(
    data: Path,
    teacher: Path,
    work: Path,
    settings: DistilSettings,
    log: Callable[[str], None] | Shown,
) -> SentimentClassifier:
    """Teach a student, resuming from a checkpoint in `work` where there is one.

    Args:
        data: folder of the Parquet files.
        teacher: folder of the teacher's artefact.
        work: folder for checkpoints, tokens and what the teacher said; created if absent.
        settings: the run.
        log: takes progress, or one line of it at a time.

    Raises:
        ArtifactError: the teacher's artefact is unfit.
        ValueError: the teacher has no such layers.
        CheckpointMismatchError: `work` holds a checkpoint of other settings or another teacher.
        Others as `train` does.
    """
    shown: Shown = Lines(log) if callable(log) else log
    lock = read_lock(teacher)
    settings = replace(settings, window_tokens=lock.window_tokens)
    with joined(settings.device) as world:
        if not world.first:
            shown = Lines(lambda _: None)
        torch.set_num_threads(settings.threads)
        torch.manual_seed(settings.seed)
        student = student_of(
            dequantised(teacher), settings.layers, settings.inner, settings.dropout
        )
        if settings.frozen_embeddings:
            student.freeze_embeddings()
        student.tokens.requires_grad_(False)
        taught_by = [{"teacher": lock.version, "sha256": lock.files[MODEL_FILE].sha256}]
        world.from_first(lambda: _hold_teacher(work, taught_by))

        corpus = open_corpus(data, work, settings, shown.line)
        rows = np.unique(np.concatenate(corpus.batches))

        def ask() -> torch.Tensor:
            texts = read_everything(data, settings).text
            answers = teach(texts, rows, teacher, work, settings.threads, shown.line)
            return torch.from_numpy(np.log(np.maximum(answers, _LEAST_PROBABILITY)))

        corpus = replace(corpus, teacher=world.from_first(ask))
        shown.line(
            f"{corpus.texts} texts of {len(settings.sources)} sources, {len(rows)} of them drawn, "
            f"{corpus.mean_tokens():.1f} tokens each on average"
        )
        lesson = Lesson(settings.label_weight, settings.temperature)
        fit(student, corpus, work / CHECKPOINT, settings, world, shown, taught_by, lesson)
    return student


def export_student(
    student: SentimentClassifier,
    data: Path,
    teacher: Path,
    work: Path,
    artifact: Path,
    settings: DistilSettings,
    limits: ExportSettings,
    log: Callable[[str], None],
) -> ArtifactLock:
    """Write the artefact of a student; see `write_artifact`."""
    lock = read_lock(teacher)
    run = replace(settings, window_tokens=lock.window_tokens)
    how: dict[str, Any] = asdict(run) | {
        "teacher": {
            "version": lock.version,
            "files": asdict(lock)["files"],
            "sources": lineage_sources(lock.training),
        },
    }
    return write_artifact(
        student,
        labelled.concatenate([labelled.read(data / name) for name in settings.dev_files]),
        teacher / TOKENIZER_FILE,
        work,
        artifact,
        run,
        how,
        limits,
        log,
    )


def _hold_teacher(work: Path, taught_by: list[dict[str, Any]]) -> None:
    saved = work / CHECKPOINT
    if not saved.exists():
        return
    history = checkpoint.read(saved)["history"]
    if history != taught_by:
        raise checkpoint.CheckpointMismatchError(
            f"{saved} is of a student of {history[0]['teacher']}, not of this "
            f"{taught_by[0]['teacher']}; give another --work folder to start anew"
        )
