"""Measure a tier on a labelled file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from customerai.domain.analysis import RequestedTier
from models.sentiment.evaluate import evaluate
from models.sentiment.tiers import load_tier

NAME = "evaluate"
HELP = "measure a tier on a labelled file"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, help="Parquet: text, label [, source, binary]")
    parser.add_argument(
        "--tier", type=RequestedTier, choices=list(RequestedTier), default=RequestedTier.FULL
    )
    parser.add_argument(
        "--artifact", type=Path, help="folder of the tier's artefact, instead of the one shipped"
    )


def run(options: argparse.Namespace) -> int:
    """Print one JSON object."""
    classifier = load_tier(options.tier, folder=options.artifact)
    try:
        measured = evaluate(options.file, classifier)
    finally:
        classifier.close()
    whose = {"model": classifier.version, "tier": str(options.tier)}
    print(json.dumps({**whose, **measured}, ensure_ascii=False))
    return 0
