"""Train the heads of intent and urgency: `python -m models.intents --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from models.intents.fitting import FitSettings
from models.intents.sources import SOURCES
from models.intents.train import train


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m models.intents", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("train", help="learn both heads and write the artefact anew")
    command.add_argument("--data", type=Path, required=True, help="folder of the Parquet files")
    command.add_argument(
        "--work", type=Path, default=Path(".build/intents"), help="folder to keep embeddings in"
    )
    command.add_argument("--artifact", type=Path, required=True, help="folder to write")
    command.add_argument(
        "--sources", nargs="+", choices=list(SOURCES), default=list(SOURCES), help="to learn from"
    )
    options = parser.parse_args(arguments)
    lock = train(
        options.data,
        options.work,
        options.artifact,
        options.sources,
        FitSettings(),
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(f"wrote {lock.version} to {options.artifact}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
