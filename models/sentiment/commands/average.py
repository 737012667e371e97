"""Average the weights of several runs."""

from __future__ import annotations

import argparse
from pathlib import Path

NAME = "average"
HELP = "write a checkpoint with the mean of several runs' weights, for train --start"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "parts",
        nargs="+",
        type=_part,
        metavar="CHECKPOINT=SHARE",
        help="checkpoint file or artefact folder, and its share; the last is a checkpoint",
    )
    parser.add_argument("--out", type=Path, required=True, help="checkpoint file to write")


def run(options: argparse.Namespace) -> int:
    """Write the checkpoint."""
    from models.sentiment.commands import refuse

    try:
        from models.sentiment.training.average import average
    except ImportError as error:
        return refuse(f"averaging needs the dependency group 'train' ({error})")
    average(dict(options.parts), options.out)
    return 0


def _part(text: str) -> tuple[Path, float]:
    path, equals, share = text.rpartition("=")
    try:
        part = Path(path), float(share)
    except ValueError:
        equals = ""
    if not equals or not part[0].exists() or part[1] <= 0:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an existing path, '=' and a share above 0"
        )
    return part
