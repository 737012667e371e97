"""Train or resume, then export."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from models.artifacts import ArtifactError
from models.sentiment.commands.settings_options import add_artifact, add_options, from_options
from models.sentiment.in_service import hold_apart
from models.sentiment.lock import read_lock
from models.sentiment.notice import lineage_sources
from models.sentiment.settings import ExportSettings, TrainSettings
from models.sentiment.sources import ASPECTS, permits_commercial_use, with_commercial_use

NAME = "train"
HELP = "train (or resume), then export"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    configure_run(parser)
    parser.add_argument(
        "--start",
        type=Path,
        help="checkpoint file of an earlier run, or artefact folder, to continue from",
    )


def configure_run(parser: argparse.ArgumentParser) -> None:
    """Declare the options that name a run."""
    parser.add_argument("--data", type=Path, required=True, help="folder of Parquet files")
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    add_artifact(parser)
    parser.add_argument(
        "--commercial",
        action="store_true",
        help="leave out every source whose stated licence does not permit commercial use, the "
        "marked sentences of aspects among them",
    )
    add_options(parser, TrainSettings)


def settings_of(options: argparse.Namespace) -> TrainSettings:
    """Return the run's settings as the command line has them."""
    settings = from_options(options, TrainSettings())
    if options.commercial:
        settings = replace(
            settings,
            sources=with_commercial_use(settings.sources),
            aspect_every=settings.aspect_every if permits_commercial_use(ASPECTS) else 0,
        )
    return settings


def hold_commercial(options: argparse.Namespace, learned: Sequence[str]) -> None:
    """Hold what a run begins with against `--commercial`, where that is given.

    Args:
        options: of the command line.
        learned: sources that the weights to start from learned from.

    Raises:
        ArtifactError: the terms of one don't permit commercial use.
    """
    barred = [name for name in learned if not permits_commercial_use(name)]
    if options.commercial and barred:
        raise ArtifactError(
            f"--commercial: {options.start} learned from {', '.join(barred)}, whose terms do not "
            "permit commercial use; start from other weights, or from none"
        )


def run(options: argparse.Namespace) -> int:
    """Train, then write the artefact."""
    return train_and_export(options, learn=True)


def train_and_export(options: argparse.Namespace, *, learn: bool) -> int:
    """Train where `learn` says so, then export what the work folder holds; of torchrun's processes
    only the first exports."""
    from models.sentiment.commands import refuse

    try:
        from models.sentiment.training import (
            artifact_writer,
            checkpoint,
            export,
            guard,
            train,
            world,
        )
        from models.sentiment.training.bar import shown_on
    except ImportError as error:
        return refuse(f"training needs the dependency group 'train' ({error})")
    hold_apart(options.artifact, options.version)
    settings = settings_of(options)
    try:
        if learn and options.start is not None:
            hold_commercial(options, _learned_by(options.start))
        if learn:
            with shown_on(sys.stderr, log) as shown:
                train.train(options.data, options.work, settings, shown, options.start)
        if not world.is_first():
            return 0
        lock = export.export(
            options.data, options.work, options.artifact, settings, ExportSettings(), log
        )
    except (
        checkpoint.CheckpointMismatchError,
        artifact_writer.ExportRefusedError,
        guard.TrainingUnstableError,
        world.DeviceError,
        ValueError,
    ) as error:
        return refuse(str(error))
    log(f"wrote {lock.version} to {options.artifact}")
    return 0


def _learned_by(start: Path) -> tuple[str, ...]:
    """What the weights of a checkpoint or an artefact folder learned from."""
    if start.is_dir():
        return lineage_sources(read_lock(start).training)
    from models.sentiment.training import checkpoint

    saved = checkpoint.read(start)
    return lineage_sources(saved["settings"] | {"continues": saved["history"]})


def log(line: str) -> None:
    """Show one line of progress."""
    print(line, file=sys.stderr, flush=True)
