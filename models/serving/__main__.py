"""Serve the models: `python -m models.serving --host 127.0.0.1 --port 8081`."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

from models.artifacts import LOCK_FILE
from models.serving.settings import (
    MODELS_VARIABLE,
    PORT_VARIABLE,
    ServerSettings,
    from_environment,
    parse_models,
)

REGISTERED = Path("/opt/ml/model")
"""Where SageMaker unpacks the artefact of a model package: it goes before the image's own."""


def main(arguments: list[str] | None = None) -> int:
    """Load the models, serve them until SIGTERM or SIGINT, and return the exit code."""
    try:
        settings = from_environment(os.environ)
    except ValueError as error:
        return _refuse(str(error))
    parser = _parser(settings)
    options = parser.parse_args(arguments)
    if options.command == "bundle":
        if options.folder is None:
            parser.error("bundle: in which folder?")
        from models.serving.bundle import bundle  # serving needs none of it

        bundle(options.folder)
        return 0
    try:
        names = settings.models if options.models is None else parse_models(options.models)
    except ValueError as error:
        return _refuse(str(error))
    settings = replace(
        settings,
        host=options.host,
        port=options.port,
        grpc_port=options.grpc_port,
        workers=options.workers or settings.workers,
        models=names,
    )
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    return _serve(settings, options.artifact)


def _parser(settings: ServerSettings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.serving", description=__doc__)
    parser.add_argument(
        "command",
        nargs="?",
        choices=["serve", "bundle"],
        help="serve, the default, is what SageMaker starts a container with;"
        " bundle puts all that serving needs into a folder",
    )
    parser.add_argument("folder", nargs="?", type=Path, help="of the bundle")
    parser.add_argument("--host", default=settings.host)
    parser.add_argument("--port", type=int, default=settings.port, help=f"or {PORT_VARIABLE}")
    parser.add_argument("--grpc-port", type=int, default=settings.grpc_port, help="or none")
    parser.add_argument(
        "--models", help=f"like full,fast; or {MODELS_VARIABLE}; else all there are"
    )
    parser.add_argument(
        "--artifact",
        type=Path,
        default=REGISTERED if (REGISTERED / LOCK_FILE).exists() else None,
        help=f"folder of the model `full`; {REGISTERED} where a registered model is mounted there",
    )
    parser.add_argument("--workers", type=int, help="inference threads; one for each CPU if absent")
    return parser


def _serve(settings: ServerSettings, artifact: Path | None) -> int:
    gc.disable()  # until it serves: hardly anything of what is loaded now is garbage
    # One text at a time is tokenised here: threads of the tokenizer's own would only wait.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # Nor has NumPy anything to share out, and laying out its threads takes it 50 ms.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import uvloop  # `bundle` and --help need none of these

    from models.artifacts import ArtifactError
    from models.serving.app import Application
    from models.serving.registry import ModelMemoryError, available, load_models
    from models.serving.server import serve

    folders = {"full": artifact} if artifact else {}
    try:
        loaded = load_models(settings.models or available(), settings.memory_mb, folders)
    except (ArtifactError, ModelMemoryError, LookupError, ImportError) as error:
        return _refuse(str(error))
    if not loaded:
        return _refuse("no model is there to be served")
    try:
        uvloop.run(serve(Application(loaded, settings), settings))
    except OSError as error:
        return _refuse(str(error))
    return 0


def _refuse(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
