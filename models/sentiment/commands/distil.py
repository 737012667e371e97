"""Distil the encoder into the fast tier."""

from __future__ import annotations

import argparse
from pathlib import Path

from models.sentiment.commands.settings_options import add_options, from_options
from models.sentiment.commands.train import log
from models.sentiment.distil_settings import DistilSettings
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
    parser.add_argument("--artifact", type=Path, default=ARTIFACTS / "fast")
    add_options(parser, DistilSettings)


def run(options: argparse.Namespace) -> int:
    """Distil, then write the artefact."""
    from models.sentiment.commands import refuse

    try:
        from models.sentiment.training import artifact_writer, checkpoint, distil
    except ImportError as error:
        return refuse(f"distilling needs the dependency group 'train' ({error})")
    settings = from_options(options, DistilSettings())
    try:
        lock = distil.distil_and_export(
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
        ValueError,
    ) as error:
        return refuse(str(error))
    log(f"wrote {lock.version} to {options.artifact}")
    return 0
