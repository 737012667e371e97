"""Train or resume, then export."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from models.sentiment.commands.settings_options import add_options, from_options
from models.sentiment.predictor import ARTIFACT
from models.sentiment.settings import ExportSettings, TrainSettings
from models.sentiment.sources import with_commercial_use

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
    parser.add_argument("--artifact", type=Path, default=ARTIFACT)
    parser.add_argument(
        "--commercial",
        action="store_true",
        help="leave out every source whose stated licence does not permit commercial use",
    )
    add_options(parser, TrainSettings)


def settings_of(options: argparse.Namespace) -> TrainSettings:
    """Return the run's settings as the command line has them."""
    settings = from_options(options, TrainSettings())
    if options.commercial:
        settings = replace(settings, sources=with_commercial_use(settings.sources))
    return settings


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
    settings = settings_of(options)
    try:
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


def log(line: str) -> None:
    """Show one line of progress."""
    print(line, file=sys.stderr, flush=True)
