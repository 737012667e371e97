"""From a checkpoint to the artefact of the full tier."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.artifacts import TOKENIZER_FILE
from models.encoder.network import pretrained_folder
from models.sentiment import examples as labelled
from models.sentiment.aspect_examples import read_aspects
from models.sentiment.lock import ArtifactLock
from models.sentiment.notice import lineage_sources
from models.sentiment.settings import ExportSettings, TrainSettings
from models.sentiment.sources import ASPECTS
from models.sentiment.training import checkpoint
from models.sentiment.training.artifact_writer import ExportRefusedError, write_artifact
from models.sentiment.training.classifier import SentimentClassifier
from models.sentiment.training.train import CHECKPOINT


def load_trained(work: Path, settings: TrainSettings) -> tuple[SentimentClassifier, dict[str, Any]]:
    """Return the classifier of the checkpoint in `work`, and how it was trained.

    Raises:
        ExportRefusedError: there is no checkpoint.
        CheckpointMismatchError: it was written under other settings.
    """
    if not (work / CHECKPOINT).exists():
        raise ExportRefusedError(f"{work / CHECKPOINT}: no checkpoint to export; train first")
    state = checkpoint.load(work / CHECKPOINT, settings)
    model = SentimentClassifier(dropout=settings.dropout)
    model.load_state_dict(state["model"])
    model.eval()
    how = state["settings"] | {"steps_done": state["step"], "continues": state["history"]}
    return model, how


def export(
    data: Path,
    work: Path,
    artifact: Path,
    settings: TrainSettings,
    limits: ExportSettings,
    log: Callable[[str], None],
) -> ArtifactLock:
    """Write the artefact of the checkpoint in `work`; see `write_artifact`.

    Raises:
        ExportRefusedError: there is no checkpoint, or a difference is larger than `limits` allow.
        CheckpointMismatchError: the checkpoint was written under other settings.
        InvalidExamplesError: a dev file is unfit.
    """
    model, how = load_trained(work, settings)
    return write_artifact(
        model,
        labelled.concatenate([labelled.read(data / name) for name in settings.dev_files]),
        pretrained_folder() / TOKENIZER_FILE,
        work,
        artifact,
        settings,
        how,
        limits,
        log,
        marked=read_aspects(data / settings.aspects_file, "test")
        if ASPECTS in lineage_sources(how)
        else (),
    )
