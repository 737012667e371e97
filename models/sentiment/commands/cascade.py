"""Pick the cascade's threshold on dev texts, measure what it saves and loses, and store both."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from customerai_static import ARTIFACT, StaticArtifactError, StaticSentiment
from models.artifacts import ArtifactError
from models.sentiment import examples as labelled
from models.sentiment.cascade import DevFile, Outcome, pick, seconds_each
from models.sentiment.examples import Examples
from models.sentiment.lock import read_raw_lock, write_raw_lock
from models.sentiment.predictor import SentimentPredictor
from models.sentiment.tiers import ARTIFACTS

NAME = "cascade"
HELP = "pick and measure the threshold from which the static tier answers for the encoder"

_TIMED_TEXTS = 500


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("files", type=Path, nargs="+", help="dev texts, Parquet")
    parser.add_argument("--full", type=Path, default=ARTIFACTS / "full")
    parser.add_argument("--static", type=Path, default=ARTIFACT)
    parser.add_argument(
        "--most-lost",
        type=float,
        default=0.005,
        help="accuracy that the cascade may give up on each of the files",
    )
    parser.add_argument(
        "--most-texts", type=int, help="draw so many texts of each file instead of taking all"
    )
    parser.add_argument("--threads", type=int, default=2, help="of the encoder, untimed")


def run(options: argparse.Namespace) -> int:
    """Write the threshold into the static artefact's lock, with the two versions that it holds for,
    and print what was measured."""
    from models.sentiment.commands import refuse

    parts = {file.name: _read(file, options.most_texts) for file in options.files}
    if len(parts) < len(options.files):
        return refuse("two of the files have the same name")
    try:
        static = StaticSentiment.load(options.static)
    except StaticArtifactError as error:
        raise ArtifactError(str(error)) from error
    full = SentimentPredictor.load(options.full, workers=options.threads)
    try:
        answered = {
            name: DevFile(part, static.probabilities(part.text), full.probabilities(part.text))
            for name, part in parts.items()
        }
    finally:
        full.close()
    picked = pick(answered, options.most_lost)
    together = labelled.concatenate(list(parts.values()))
    order = np.random.default_rng(0).permutation(len(together))
    texts = together.take(order[:_TIMED_TEXTS]).text
    alone = SentimentPredictor.load(options.full, workers=1)
    try:
        seconds = seconds_each(texts, static.probabilities, alone.probabilities, picked.sure_above)
    finally:
        alone.close()
    found = {
        "sure_above": picked.sure_above,
        "static": static.version,
        "full": full.version,
        "most_lost": options.most_lost,
        **_figures(picked.together),
        "files": {name: _figures(outcome) for name, outcome in picked.files.items()},
        "cost_of_static": round(seconds["static"] / seconds["full"], 4),
        "cost_of_cascade": round(seconds["cascade"] / seconds["full"], 4),
    }
    write_raw_lock(options.static, read_raw_lock(options.static) | {"cascade": found})
    print(json.dumps(found))
    return 0


def _figures(outcome: Outcome) -> dict[str, float]:
    return {
        "n": outcome.n,
        "answered_by_static": round(outcome.answered, 4),
        "accuracy": round(outcome.accuracy, 4),
        "accuracy_of_full": round(outcome.accuracy_of_full, 4),
        "lost": round(outcome.lost, 4),
    }


def _read(path: Path, most: int | None) -> Examples:
    examples = labelled.read(path)
    return examples.take(np.random.default_rng(0).permutation(len(examples))[:most])
