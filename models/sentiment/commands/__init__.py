"""The subcommands of `python -m models.sentiment`, one module each.

A module has `NAME`, `HELP`, `configure(parser)` and `run(options) -> exit code`; what it raises of
`REFUSALS` ends the command with its message and exit code 2.
"""

from __future__ import annotations

import argparse
import sys
from types import ModuleType

from models.artifacts import ArtifactError
from models.sentiment.commands import (
    average,
    card,
    cascade,
    compare,
    distil,
    distil_static,
    evaluate,
    export,
    export_gpu,
    fairness,
    notice,
    promote,
    sagemaker,
    train,
)
from models.sentiment.examples import InvalidExamplesError

USAGE_ERROR = 2
REFUSALS = (InvalidExamplesError, ArtifactError)
COMMANDS: tuple[ModuleType, ...] = (
    evaluate,
    train,
    average,
    export,
    distil,
    distil_static,
    cascade,
    compare,
    export_gpu,
    fairness,
    promote,
    notice,
    card,
    sagemaker,
)


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand and return the exit code: 0, or 2 with a message on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m models.sentiment",
        description="Train, compress, measure and promote the sentiment models.",
    )
    subparsers = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        subparser = subparsers.add_parser(command.NAME, help=command.HELP)
        command.configure(subparser)
        subparser.set_defaults(run=command.run)
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
    except REFUSALS as error:
        return refuse(str(error))
    return code


def refuse(message: str) -> int:
    """Say on stderr why the command cannot do its work, and return its exit code."""
    print(f"error: {message}", file=sys.stderr)
    return USAGE_ERROR
