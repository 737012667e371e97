"""Serve the sentiment model: `python -m models.serving --host 127.0.0.1 --port 8081`."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

import uvicorn

from models.artifacts import ArtifactError
from models.sentiment.predictor import ARTIFACT, SentimentPredictor
from models.serving.app import create_app
from models.serving.settings import PORT_VARIABLE, from_environment


def main(arguments: list[str] | None = None) -> int:
    """Load the model, serve it until SIGTERM or SIGINT, and return the exit code."""
    try:
        settings = from_environment(os.environ)
    except ValueError as error:
        return _refuse(str(error))
    parser = argparse.ArgumentParser(prog="python -m models.serving", description=__doc__)
    parser.add_argument(
        "command", nargs="?", choices=["serve"], help="what SageMaker starts a container with"
    )
    parser.add_argument("--host", default=settings.host)
    parser.add_argument("--port", type=int, default=settings.port, help=f"or {PORT_VARIABLE}")
    parser.add_argument("--artifact", type=Path, default=ARTIFACT, help="folder of the model")
    parser.add_argument("--workers", type=int, help="inference threads; one for each CPU if absent")
    options = parser.parse_args(arguments)
    try:
        predictor = SentimentPredictor.load(options.artifact, workers=options.workers)
    except ArtifactError as error:
        return _refuse(str(error))
    settings = replace(settings, host=options.host, port=options.port)
    uvicorn.run(
        create_app(predictor, settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    return 0


def _refuse(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
