"""Put a candidate in service, if it is no worse than what is there."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from customerai.domain.analysis import Tier
from models.sentiment.fairness.swaps import comparisons
from models.sentiment.promotion import (
    PromotionLimits,
    holding_artefacts,
    install,
    judge_candidate,
    shipped_folder,
    shipped_folders,
)
from models.sentiment.settings import TrainSettings

NAME = "promote"
HELP = "put a candidate artefact in service if it passes the gate"

REFUSED = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("candidate", type=Path, help="folder of the artefact that wants in")
    parser.add_argument("--data", type=Path, required=True, help="folder of the dev files")
    parser.add_argument("--tier", type=Tier, choices=list(Tier), default=Tier.FULL)
    parser.add_argument(
        "--on",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="further labelled Parquet files on which the candidate must not be worse",
    )
    parser.add_argument(
        "--artifact", type=Path, help="folder to replace, instead of the tier's own"
    )
    parser.add_argument("--check", action="store_true", help="judge only, replace nothing")


def run(options: argparse.Namespace) -> int:
    """Print one JSON object; the exit code is 1, with a line for each reason on stderr, where the
    candidate is refused."""
    target = options.artifact or shipped_folder(options.tier)
    # A folder elsewhere is not among the repository's artefacts: it stands for itself.
    shipped = shipped_folders() if options.artifact is None else holding_artefacts([target])
    judgement = judge_candidate(
        options.candidate,
        options.tier,
        [options.data / name for name in TrainSettings().dev_files],
        options.on,
        PromotionLimits(),
        target=target,
        shipped=shipped,
        statements=comparisons(),
    )
    promoted = False
    if judgement.fairness is not None and not judgement.reasons and not options.check:
        install(options.candidate, options.tier, judgement.fairness, target)
        promoted = True
    for reason in judgement.reasons:
        print(f"refused: {reason}", file=sys.stderr)
    outcome = {
        "model": judgement.version,
        "tier": str(options.tier),
        "promoted": promoted,
        "reasons": judgement.reasons,
        **judgement.measured,
    }
    print(json.dumps(outcome, ensure_ascii=False))
    return REFUSED if judgement.reasons else 0
