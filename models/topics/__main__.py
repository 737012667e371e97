"""Calibrate and measure the topic matcher: `python -m models.topics --help`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from models.embeddings.predictor import EmbeddingPredictor
from models.topics.calibration import ARTIFACT, FEATURES, load
from models.topics.evaluate import calibrate, evaluate
from models.topics.trials import load_sets


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m models.topics", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, meaning in (
        ("calibrate", "fit confidences and threshold, measure them and write both"),
        ("evaluate", "print what the committed calibration achieves"),
    ):
        command = commands.add_parser(name, help=meaning)
        command.add_argument("--data", type=Path, required=True, help="folder of the Parquet files")
        command.add_argument(
            "--work", type=Path, default=Path(".build/intents"), help="folder to keep embeddings in"
        )
        if name == "calibrate":
            command.add_argument("--artifact", type=Path, required=True, help="file to write")
        else:
            command.add_argument("--artifact", type=Path, default=ARTIFACT, help="file to read")
    options = parser.parse_args(arguments)
    predictor = EmbeddingPredictor.load()
    try:
        sets = load_sets(
            options.data, options.work, predictor, lambda line: print(line, file=sys.stderr)
        )
    finally:
        predictor.close()
    calibration = calibrate(sets) if options.command == "calibrate" else load(options.artifact)
    measured = {
        "embeddings": predictor.version,
        "bias": calibration.bias,
        "weights": dict(zip(FEATURES, calibration.weights, strict=True)),
        "threshold": calibration.threshold,
        "metrics": evaluate(sets, calibration),
    }
    text = json.dumps(measured, indent=2)
    if options.command == "calibrate":
        options.artifact.parent.mkdir(parents=True, exist_ok=True)
        options.artifact.write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
