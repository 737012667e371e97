"""Train, export and evaluate the sentiment model: `python -m models.sentiment --help`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

from models.sentiment.evaluate import evaluate
from models.sentiment.examples import InvalidExamplesError
from models.sentiment.lock import ArtifactError
from models.sentiment.predictor import ARTIFACT, SentimentPredictor
from models.sentiment.settings import ExportSettings, TrainSettings
from models.sentiment.sources import with_commercial_use

USAGE_ERROR = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand and return the exit code: 0, or 2 with a message on stderr."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "evaluate":
            return _evaluate(options)
        return _train(options)
    except (InvalidExamplesError, ArtifactError) as error:
        return _refuse(str(error))


def _evaluate(options: argparse.Namespace) -> int:
    predictor = SentimentPredictor.load(options.artifact)
    try:
        measured = evaluate(options.file, predictor)
    finally:
        predictor.close()
    print(json.dumps({"model": predictor.version, **measured}, ensure_ascii=False))
    return 0


def _train(options: argparse.Namespace) -> int:
    try:
        from models.sentiment.training import checkpoint, export, train
    except ImportError as error:
        return _refuse(f"training needs the dependency group 'train' ({error})")
    settings = _settings(options)
    try:
        if options.command == "train":
            train.train(options.data, options.work, settings, _log, options.start)
        lock = export.export(
            options.data, options.work, options.artifact, settings, ExportSettings(), _log
        )
    except (checkpoint.CheckpointMismatchError, export.ExportRefusedError) as error:
        return _refuse(str(error))
    _log(f"wrote {lock.version} to {options.artifact}")
    return 0


def _settings(options: argparse.Namespace) -> TrainSettings:
    named = {field.name: getattr(options, field.name) for field in fields(TrainSettings)}
    settings = replace(TrainSettings(), **{k: v for k, v in named.items() if v is not None})
    if options.commercial:
        settings = replace(settings, sources=with_commercial_use(settings.sources))
    return settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.sentiment", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    evaluating = commands.add_parser("evaluate", help="measure the artefact on a labelled file")
    evaluating.add_argument("file", type=Path, help="Parquet: text, label [, source, binary]")
    evaluating.add_argument("--artifact", type=Path, default=ARTIFACT)

    for name, about in (
        ("train", "train (or resume), then export"),
        ("export", "write the artefact of the latest checkpoint"),
    ):
        command = commands.add_parser(name, help=about)
        command.add_argument("--data", type=Path, required=True, help="folder of Parquet files")
        command.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
        command.add_argument("--artifact", type=Path, default=ARTIFACT)
        command.add_argument(
            "--commercial",
            action="store_true",
            help="leave out every source whose stated licence does not permit commercial use",
        )
        if name == "train":
            command.add_argument(
                "--start", type=Path, help="checkpoint of an earlier run to continue from"
            )
        for field in fields(TrainSettings):
            command.add_argument(
                "--" + field.name.replace("_", "-"), type=_PARSERS[str(field.type)]
            )
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _factors(text: str) -> tuple[tuple[str, float], ...]:
    pairs = (pair.partition("=") for pair in _names(text))
    return tuple((name, float(factor)) for name, _, factor in pairs)


_PARSERS: dict[str, Callable[[str], object]] = {
    "str": str,
    "int": int,
    "float": float,
    "tuple[str, ...]": _names,
    "tuple[tuple[str, float], ...]": _factors,
}


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _refuse(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
