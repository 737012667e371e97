"""Measure language detection: `python -m models.language --help`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from models.language.evaluate import detection, sentiment
from models.sentiment.predictor import SentimentPredictor


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m models.language", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "evaluate", help="print, per language, how it is told and what sentiment makes of it"
    )
    command.add_argument("--data", type=Path, required=True, help="folder of the Parquet files")
    command.add_argument("--most", type=int, default=400, help="texts of each language")
    options = parser.parse_args(arguments)
    predictor = SentimentPredictor.load()
    try:
        measured = {
            "model": predictor.version,
            "detection": detection(options.data, options.most),
            "sentiment": sentiment(options.data, options.most, predictor),
        }
    finally:
        predictor.close()
    print(json.dumps(measured, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
