"""Put a candidate in service, if it is no worse than what is there."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from customerai.domain.analysis import Tier
from models.sentiment.aspect_examples import read_aspects
from models.sentiment.fairness.swaps import comparisons
from models.sentiment.in_service import holding_artefacts, shipped_folder, shipped_folders
from models.sentiment.promotion import Judgement, install, judge_candidate, read_whole_lock
from models.sentiment.promotion_limits import PromotionLimits
from models.sentiment.settings import TrainSettings

NAME = "promote"
HELP = "put a candidate artefact in service if it passes the gate"

REFUSED = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("candidate", type=Path, help="folder of the artefact that wants in")
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the dev files and the marked sentences"
    )
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
    parser.add_argument(
        "--full",
        type=Path,
        default=shipped_folder(Tier.FULL),
        help="the tier full that a candidate for fast is held against",
    )
    parser.add_argument(
        "--accept-unfair",
        type=_words,
        metavar="REASON",
        help="replace an artefact that exceeds the fairness limits by one that exceeds them too; "
        "the reason and the limits are written into its lock",
    )
    parser.add_argument("--check", action="store_true", help="judge only, replace nothing")


def run(options: argparse.Namespace) -> int:
    """Print one JSON object; the exit code is 1, with a line for each reason on stderr, where the
    candidate is refused."""
    target = options.artifact or shipped_folder(options.tier)
    # A folder elsewhere is not among the repository's artefacts: it stands for itself.
    shipped = shipped_folders() if options.artifact is None else holding_artefacts([target])
    settings = TrainSettings()
    finds_aspects = options.tier is Tier.FULL
    judgement = judge_candidate(
        options.candidate,
        options.tier,
        [options.data / name for name in settings.dev_files],
        options.on,
        PromotionLimits(),
        target=target,
        shipped=shipped,
        statements=comparisons(),
        marked=read_aspects(options.data / settings.aspects_file, "test") if finds_aspects else (),
        full=options.full,
        accept_unfair=options.accept_unfair,
    )
    promoted = False
    if judgement.fairness is not None and not judgement.reasons and not options.check:
        install(options.candidate, options.tier, judgement.fairness, target, judgement.accepted)
        promoted = True
    _explain(judgement)
    if promoted:
        _remind(options.tier, target)
    outcome = {
        "model": judgement.version,
        "tier": str(options.tier),
        "promoted": promoted,
        "reasons": judgement.reasons,
        **judgement.measured,
    }
    print(json.dumps(outcome, ensure_ascii=False))
    return REFUSED if judgement.reasons else 0


def _explain(judgement: Judgement) -> None:
    for reason in judgement.reasons:
        print(f"refused: {reason}", file=sys.stderr)
    if judgement.accepted is not None:
        for line in judgement.accepted["breaches"]:
            print(f"unfair, accepted: {line}", file=sys.stderr)
        print(f"unfair, accepted because: {judgement.accepted['reason']}", file=sys.stderr)


def _remind(tier: Tier, target: Path) -> None:
    """Say what has to be measured again, now that another model answers."""
    if tier is Tier.FAST:
        return
    if tier is Tier.STATIC:
        lock = read_whole_lock(target, tier)
        served = holding_artefacts([shipped_folder(Tier.FULL)])
        names = [read_whole_lock(folder, Tier.FULL)["version"] for folder in served]
        fitted_to = lock["cascade"]
        if fitted_to.get("static") == lock["version"] and fitted_to.get("full") in names:
            return
    print(
        "run `python -m models.sentiment cascade` on the dev files: its threshold was fitted to "
        "other versions, and until it is fitted to these the cascade sends every text to full",
        file=sys.stderr,
    )


def _words(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("give a reason that others can read")
    return text.strip()
