"""Compare number formats of one network."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from models.artifacts import TOKENIZER_FILE
from models.sentiment import examples as labelled
from models.sentiment.commands.train import log
from models.sentiment.compression import Setting, compare, table
from models.sentiment.lock import read_lock, read_raw_lock, write_raw_lock
from models.sentiment.settings import TrainSettings
from models.sentiment.tiers import ARTIFACTS

NAME = "compare"
HELP = "compare FP32, FP16 and INT8 of one network"

_TIMES = (
    "Times are of one thread of this CPU, speed is against FP32 in the same rounds. FP16 is for "
    "GPUs: a CPU computes most of it in FP32 between casts; its times say nothing of a GPU."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--data", type=Path, required=True, help="folder of Parquet files")
    parser.add_argument("--artifact", type=Path, default=ARTIFACTS / "full")
    parser.add_argument(
        "--work",
        type=Path,
        help="folder of the artefact's FP32 checkpoint; without it, FP32 is its INT8 weights",
    )
    parser.add_argument("--report", type=Path, default=Path(".reports/compression.json"))
    parser.add_argument(
        "--dev-files",
        type=lambda text: tuple(text.split(",")),
        default=TrainSettings().dev_files,
        help="comma-separated, inside the data folder",
    )
    parser.add_argument("--most", type=int, help="texts of a dev file, drawn at random; all")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep the figures in the artefact's lock too, where the model card finds them",
    )
    parser.add_argument("--rounds", type=int, default=7, help="of timing")
    parser.add_argument("--threads", type=int, default=2, help="for accuracy; times are of one")


def run(options: argparse.Namespace) -> int:
    """Print a table, and write the report."""
    from models.sentiment.commands import refuse

    try:
        from models.sentiment.training import artifact_writer, formats
    except ImportError as error:
        return refuse(f"compare needs the dependency group 'train' ({error})")
    lock = read_lock(options.artifact)
    dev = {name: _read(options.data / name, options.most) for name in options.dev_files}
    with TemporaryDirectory() as folder:
        try:
            written = formats.write_formats(options.artifact, options.work, Path(folder))
        except artifact_writer.ExportRefusedError as error:
            return refuse(str(error))
        setting = Setting(
            options.artifact / TOKENIZER_FILE,
            lock.window_tokens,
            dev,
            rounds=options.rounds,
            threads=options.threads,
        )
        try:
            figures = compare(written.graphs, setting, log)
        except ValueError as error:
            return refuse(str(error))
    report = {
        "model": lock.version,
        "fp32_weights": written.origin,
        "times": _TIMES,
        "formats": figures,
    }
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if options.keep:
        _keep(options.artifact, report)
    print(f"{lock.version}; FP32 is {written.origin}\n\n{table(figures)}\n\n{_TIMES}")
    return 0


def _keep(artifact: Path, report: Mapping[str, Any]) -> None:
    """Put the figures into the lock, by file but not by source, with the machine that times are
    of."""
    formats = {
        name: row
        | {
            "dev": {
                file: {key: figure for key, figure in measured.items() if key != "sources"}
                for file, measured in row["dev"].items()
            }
        }
        for name, row in report["formats"].items()
    }
    lock = read_raw_lock(artifact)
    lock["metrics"]["compression"] = {
        "fp32_weights": report["fp32_weights"],
        "machine": _machine(),
        "formats": formats,
    }
    write_raw_lock(artifact, lock)


def _machine() -> str:
    """Name the processor, and whether it multiplies INT8 in one instruction."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    told = {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    name = told.get("model name", platform.machine())
    if "flags" not in told:
        return name
    return f"{name} {'with' if 'vnni' in told['flags'] else 'without'} VNNI"


def _read(path: Path, most: int | None) -> labelled.Examples:
    examples = labelled.read(path)
    return examples.take(np.random.default_rng(0).permutation(len(examples))[:most])
