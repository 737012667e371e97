"""Write the artefact of the latest checkpoint."""

from __future__ import annotations

import argparse

from models.sentiment.commands.train import configure_run, train_and_export

NAME = "export"
HELP = "write the artefact of the latest checkpoint"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    configure_run(parser)


def run(options: argparse.Namespace) -> int:
    """Export without training."""
    return train_and_export(options, learn=False)
