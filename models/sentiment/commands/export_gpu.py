"""Write the FP16 graph for hosts with a GPU."""

from __future__ import annotations

import argparse
from pathlib import Path

from models.artifacts import FP16_FILE
from models.sentiment.commands.train import log
from models.sentiment.tiers import ARTIFACTS

NAME = "export-gpu"
HELP = "write the FP16 graph for hosts with a GPU"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--artifact", type=Path, default=ARTIFACTS / "full")
    parser.add_argument(
        "--work",
        type=Path,
        help="folder of the artefact's FP32 checkpoint; without it, its INT8 weights are used",
    )
    parser.add_argument("--output", type=Path, help="model.fp16.onnx in the artefact's folder")


def run(options: argparse.Namespace) -> int:
    """Write the graph."""
    from models.sentiment.commands import refuse

    try:
        from models.sentiment.training import artifact_writer, formats
    except ImportError as error:
        return refuse(f"export-gpu needs the dependency group 'train' ({error})")
    output: Path = options.output or options.artifact / FP16_FILE
    try:
        origin = formats.write_for_gpu(options.artifact, options.work, output)
    except artifact_writer.ExportRefusedError as error:
        return refuse(str(error))
    log(f"wrote {output} from {origin}")
    return 0
