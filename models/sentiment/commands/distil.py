"""Distil the encoder into the fast tier."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from models.sentiment.commands.settings_options import add_artifact, add_options, from_options
from models.sentiment.commands.train import log
from models.sentiment.distil_settings import DistilSettings
from models.sentiment.in_service import hold_apart
from models.sentiment.settings import ExportSettings
from models.sentiment.tiers import ARTIFACTS

NAME = "distil"
HELP = "distil the encoder into the fast tier (or resume), then export"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--data", type=Path, required=True, help="folder of Parquet files")
    parser.add_argument(
        "--teacher", type=Path, default=ARTIFACTS / "full", help="artefact folder of the encoder"
    )
    parser.add_argument(
        "--work",
        type=Path,
        required=True,
        help="folder for checkpoints and the teacher's answers",
    )
    add_artifact(parser)
    add_options(parser, DistilSettings)


def run(options: argparse.Namespace) -> int:
    """Distil, then write the artefact."""
    from models.sentiment.commands import refuse

    try:
        from models.sentiment.training import artifact_writer, checkpoint, distil, guard, world
        from models.sentiment.training.bar import shown_on
    except ImportError as error:
        return refuse(f"distilling needs the dependency group 'train' ({error})")
    hold_apart(options.artifact, options.version)
    settings = from_options(options, DistilSettings())
    try:
        with shown_on(sys.stderr, log) as shown:
            student = distil.distil(options.data, options.teacher, options.work, settings, shown)
        if not world.is_first():
            return 0
        lock = distil.export_student(
            student,
            options.data,
            options.teacher,
            options.work,
            options.artifact,
            settings,
            ExportSettings(),
            log,
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
