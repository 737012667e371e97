"""Pick the cascade's threshold on dev texts, measure what it saves and loses, and store both."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from customerai_static import ARTIFACT, StaticArtifactError, StaticSentiment
from customerai_static.artifact import LOCK_FILE
from models.artifacts import ArtifactError
from models.sentiment import examples as labelled
from models.sentiment.cascade import pick, seconds_each
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
        "--most-lost", type=float, default=0.005, help="accuracy that the cascade may give up"
    )
    parser.add_argument(
        "--most-texts", type=int, help="draw so many of the texts instead of taking all"
    )
    parser.add_argument("--threads", type=int, default=2, help="of the encoder, untimed")


def run(options: argparse.Namespace) -> int:
    """Write the threshold into the static artefact's lock and print what was measured."""
    examples = labelled.concatenate([labelled.read(file) for file in options.files])
    order = np.random.default_rng(0).permutation(len(examples))
    examples = examples.take(order[: options.most_texts])
    try:
        static = StaticSentiment.load(options.static)
    except StaticArtifactError as error:
        raise ArtifactError(str(error)) from error
    full = SentimentPredictor.load(options.full, workers=options.threads)
    try:
        picked = pick(
            examples,
            static.probabilities(examples.text),
            full.probabilities(examples.text),
            options.most_lost,
        )
    finally:
        full.close()
    texts = examples.text[:_TIMED_TEXTS]
    alone = SentimentPredictor.load(options.full, workers=1)
    try:
        seconds = seconds_each(texts, static.probabilities, alone.probabilities, picked.sure_above)
    finally:
        alone.close()
    found = {
        "sure_above": picked.sure_above,
        "static": static.version,
        "full": full.version,
        "n": len(examples),
        "answered_by_static": round(picked.answered, 4),
        "accuracy": round(picked.accuracy, 4),
        "accuracy_of_full": round(picked.accuracy_of_full, 4),
        "lost": round(picked.lost, 4),
        "cost_of_static": round(seconds["static"] / seconds["full"], 4),
        "cost_of_cascade": round(seconds["cascade"] / seconds["full"], 4),
    }
    lock_path = options.static / LOCK_FILE
    lock = json.loads(lock_path.read_text(encoding="utf-8")) | {"cascade": found}
    lock_path.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(found))
    return 0
