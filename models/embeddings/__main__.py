"""Make the embeddings' artefact: `python -m models.embeddings --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from models.artifacts import LOCK_FILE

REFUSED = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand and return the exit code: 0, or 2 with a message on stderr."""
    parser = argparse.ArgumentParser(prog="python -m models.embeddings", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "export", help='write the artefact anew; needs the dependency group "train"'
    )
    command.add_argument("--artifact", type=Path, required=True, help="folder to write")
    options = parser.parse_args(arguments)

    # Imported here, so that --help works without the training dependencies.
    from models.embeddings.export import ExportRefusedError, export

    try:
        lock = export(options.artifact, lambda line: print(line, file=sys.stderr, flush=True))
    except ExportRefusedError as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED
    print(f"wrote {lock.version} to {options.artifact / LOCK_FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
