"""Distil the encoder into the static tier."""

from __future__ import annotations

import argparse
from pathlib import Path

from models.sentiment.commands.settings_options import add_artifact, add_options, from_options
from models.sentiment.commands.train import log
from models.sentiment.in_service import hold_apart
from models.sentiment.static.settings import StaticSettings
from models.sentiment.tiers import ARTIFACTS

NAME = "distil-static"
HELP = "distil the encoder into the static tier, then export"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--data", type=Path, required=True, help="folder of Parquet files")
    parser.add_argument(
        "--teacher", type=Path, default=ARTIFACTS / "full", help="artefact folder of the encoder"
    )
    parser.add_argument(
        "--work", type=Path, required=True, help="folder that keeps the teacher's answers"
    )
    add_artifact(parser)
    add_options(parser, StaticSettings)


def run(options: argparse.Namespace) -> int:
    """Distil, then write the artefact."""
    from models.sentiment.commands import refuse

    try:
        from models.sentiment.static import export, train
    except ImportError as error:
        return refuse(f"distilling needs the dependency group 'train' ({error})")
    hold_apart(options.artifact, options.version)
    settings = from_options(options, StaticSettings())
    try:
        trained = train.distil(options.data, options.teacher, options.work, settings, log)
        lock = export.export(
            options.data, options.teacher, options.artifact, trained, settings, log
        )
    except (export.StaticExportRefusedError, ValueError) as error:
        return refuse(str(error))
    log(f"wrote {lock['version']} to {options.artifact}")
    return 0
