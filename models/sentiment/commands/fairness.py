"""Hold a tier against the fairness limits."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from customerai.domain.analysis import RequestedTier
from models.sentiment.fairness.gate import judge
from models.sentiment.fairness.limits import limits_of
from models.sentiment.fairness.swaps import comparisons
from models.sentiment.tiers import load_tier

NAME = "fairness"
HELP = "swap names, gender words, identities, spellings and dialects, and see what moves"

UNFAIR = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--tier", type=RequestedTier, choices=list(RequestedTier), default=RequestedTier.FULL
    )
    parser.add_argument(
        "--artifact", type=Path, help="folder of the tier's artefact, instead of the one shipped"
    )


def run(options: argparse.Namespace) -> int:
    """Print one JSON object; the exit code is 1 where a limit is exceeded."""
    classifier = load_tier(options.tier, folder=options.artifact)
    try:
        verdict = judge(classifier.probabilities, limits_of(options.tier), comparisons())
    finally:
        classifier.close()
    whose = {"model": classifier.version, "tier": str(options.tier)}
    print(json.dumps({**whose, **verdict}, ensure_ascii=False))
    return 0 if verdict["passed"] else UNFAIR
