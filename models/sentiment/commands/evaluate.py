"""Measure the artefact on a labelled file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from models.sentiment.evaluate import evaluate
from models.sentiment.predictor import ARTIFACT, SentimentPredictor

NAME = "evaluate"
HELP = "measure the artefact on a labelled file"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, help="Parquet: text, label [, source, binary]")
    parser.add_argument("--artifact", type=Path, default=ARTIFACT)


def run(options: argparse.Namespace) -> int:
    """Print one JSON object."""
    predictor = SentimentPredictor.load(options.artifact)
    try:
        measured = evaluate(options.file, predictor)
    finally:
        predictor.close()
    print(json.dumps({"model": predictor.version, **measured}, ensure_ascii=False))
    return 0
