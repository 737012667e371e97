"""One trained network in every number format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from models.artifacts import MODEL_FILE, write_origin
from models.encoder.graph import write_fp16
from models.encoder.int8 import input_ranges, write_int8
from models.encoder.network import VOCABULARY
from models.encoder.rounding import is_calibrated
from models.sentiment.lock import read_lock
from models.sentiment.training import checkpoint
from models.sentiment.training.artifact_weights import read_artifact_weights
from models.sentiment.training.artifact_writer import ExportRefusedError
from models.sentiment.training.classifier import SentimentClassifier, classifier_of
from models.sentiment.training.dequantised import dequantised, has_token_head
from models.sentiment.training.graph import write_fp32
from models.sentiment.training.train import CHECKPOINT

MOST_FP16_DIFFERENCE = 0.05
"""The most by which a logit of the FP16 graph may differ from FP32's; a tenth of what INT8 does."""

_LEVELS = 100
"""A weight of 7 bits is off by at most one 126th of the largest."""


@dataclass(frozen=True, slots=True)
class Formats:
    """ONNX files by name of the number format, FP32 first, and what the FP32 weights are."""

    graphs: dict[str, Path]
    origin: str


def write_formats(artifact: Path, work: Path | None, output: Path) -> Formats:
    """Write FP32, FP16 and INT8 graphs of an artefact's network into `output`; INT8 once with the
    ranges of each batch and, where the network has its own, once with those.

    Args:
        artifact: its folder.
        work: folder of the checkpoint that the artefact was exported from; without one, the FP32
            weights are the artefact's INT8 weights times their scales.
        output: folder to write; created if absent.

    Raises:
        ArtifactError: the artefact is unfit.
        ExportRefusedError: the checkpoint is missing or of other weights.
    """
    output.mkdir(parents=True, exist_ok=True)
    graphs = {
        name: output / f"model.{name}.onnx" for name in ("fp32", "fp16", "int8_dynamic", "int8")
    }
    model, origin = _write_fp32(artifact, work, graphs["fp32"])
    write_fp16(graphs["fp32"], graphs["fp16"])
    write_int8(graphs["fp32"], graphs["int8_dynamic"], reduce_range=True)
    if is_calibrated(model):
        ranges = input_ranges(model)
        write_int8(graphs["fp32"], graphs["int8"], reduce_range=True, ranges=ranges)
    else:
        del graphs["int8"]
    return Formats(graphs, origin)


def write_for_gpu(artifact: Path, work: Path | None, path: Path) -> str:
    """Write the FP16 graph of an artefact's network, and say what its weights come from.

    Raises:
        ArtifactError: the artefact is unfit.
        ExportRefusedError: the checkpoint is missing or of other weights, or the graph's logits
            differ from FP32's by more than MOST_FP16_DIFFERENCE.
    """
    fp32 = path.with_suffix(".fp32.part")
    try:
        _, origin = _write_fp32(artifact, work, fp32)
        write_fp16(fp32, path)
        difference = _difference(fp32, path)
    finally:
        fp32.unlink(missing_ok=True)
    if not difference <= MOST_FP16_DIFFERENCE:
        path.unlink()
        raise ExportRefusedError(f"the FP16 graph's logits differ from FP32's by {difference:.2e}")
    write_origin(path, artifact / MODEL_FILE)
    return origin


def _write_fp32(artifact: Path, work: Path | None, path: Path) -> tuple[SentimentClassifier, str]:
    lock = read_lock(artifact)
    if work is None:
        model = dequantised(artifact)
        origin = f"the INT8 weights of {lock.version} times their scales, no FP32 checkpoint"
    else:
        model = _trained(work, lock.version)
        _hold_together(artifact, model, work)
        origin = f"the FP32 checkpoint of {lock.version}"
    write_fp32(model, lock.window_tokens, path, token_head=has_token_head(artifact))
    return model, origin


def _trained(work: Path, version: str) -> SentimentClassifier:
    path = work / CHECKPOINT
    if not path.exists():
        raise ExportRefusedError(f"{work}: no checkpoint")
    saved = checkpoint.read(path)
    if saved["settings"]["version"] != version:
        raise ExportRefusedError(
            f"{path} is of {saved['settings']['version']}, the artefact of {version}"
        )
    model = classifier_of(saved["model"])
    model.load_state_dict(saved["model"])
    model.eval()
    return model


def _hold_together(artifact: Path, model: SentimentClassifier, work: Path) -> None:
    """Refuse a checkpoint of the same name whose weights are not those that were rounded."""
    trained = model.state_dict()
    for name, kept in read_artifact_weights(artifact / MODEL_FILE).items():
        if not name.endswith(".qkv.weight"):
            continue
        if (kept - trained[name]).abs().max() > trained[name].abs().max() / _LEVELS:
            raise ExportRefusedError(f"{work}: its {name} is not what {artifact} was made of")


def _difference(fp32: Path, fp16: Path) -> float:
    rng = np.random.default_rng(0)
    ids = rng.integers(1000, VOCABULARY, (4, 48), dtype=np.int32)
    feed = {"ids": ids, "mask": np.ones_like(ids)}
    logits = [
        onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(
            ["logits"], feed
        )[0]
        for graph in (fp32, fp16)
    ]
    return float(np.abs(logits[0] - logits[1]).max())
