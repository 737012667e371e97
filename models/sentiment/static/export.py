"""From a trained network to the tables that are served."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from customerai_static import StaticSentiment
from customerai_static.artifact import (
    FILES,
    HEAD_FILE,
    NEVER_SURE,
    PAIRS_FILE,
    PIECES_FILE,
    TOKENIZER_FILE,
)
from customerai_static.network import OFFSETS, Head
from models.artifacts import lock_file
from models.encoder.network import VOCABULARY
from models.sentiment import examples as labelled
from models.sentiment.calibration import fit_temperature
from models.sentiment.installation import replace_folder
from models.sentiment.labels import LABELS
from models.sentiment.lock import read_lock, write_raw_lock
from models.sentiment.metrics import report
from models.sentiment.notice import NOTICE_FILE, lineage_sources, notice
from models.sentiment.predictor import WindowLogits
from models.sentiment.static.network import StaticNetwork
from models.sentiment.static.settings import StaticSettings
from models.sentiment.static.train import Trained

_LARGEST = 127
_LIBRARIES = ("torch", "tokenizers", "numpy")


class StaticExportRefusedError(Exception):
    """The artefact would be too large; the message says by how much."""


def export(
    data: Path,
    teacher: Path,
    artifact: Path,
    trained: Trained,
    settings: StaticSettings,
    log: Callable[[str], None],
) -> dict[str, Any]:
    """Write the artefact, measured as it is served, and return the contents of its lock.

    It is written beside `artifact` and takes its place whole: a process that has the old tables
    mapped into memory keeps them, and a refusal leaves the folder as it was.

    Raises:
        StaticExportRefusedError: it weighs more than the settings allow.
        InvalidExamplesError: a dev file is unfit.
        ArtifactError: the teacher's artefact is unfit.
    """
    dev = labelled.concatenate([labelled.read(data / name) for name in settings.dev_files])
    training = asdict(settings) | {
        "steps_done": trained.steps,
        "taught": trained.taught,
        "teacher": _described(teacher),
    }
    lock: dict[str, Any] = {
        "version": settings.version,
        "labels": [str(label) for label in LABELS],
        "temperature": 1.0,
        "abstain_below": settings.abstain_below,
        "cascade": {"sure_above": NEVER_SURE},
        "training": training,
        "libraries": {"python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
    }

    def write(folder: Path) -> None:
        _write_tables(folder, trained)
        shutil.copyfile(teacher / TOKENIZER_FILE, folder / TOKENIZER_FILE)
        text = notice(settings.version, lineage_sources(training))
        (folder / NOTICE_FILE).write_text(text, encoding="utf-8")
        files = {name: lock_file(folder / name) for name in (*FILES, NOTICE_FILE)}
        weight = sum(file.bytes for file in files.values())
        if weight > settings.most_bytes:
            raise StaticExportRefusedError(
                f"the artefact weighs {weight} bytes; {settings.most_bytes} are allowed"
            )
        lock["files"] = {name: asdict(file) for name, file in files.items()}
        write_raw_lock(folder, lock)
        logits = StaticSentiment.load(folder).logits(dev.text).astype(np.float64)
        one_each = np.arange(len(dev), dtype=np.int64)
        answers = WindowLogits(len(dev), logits, one_each, np.ones_like(one_each))
        lock["temperature"] = fit_temperature(dev, answers)
        write_raw_lock(folder, lock)
        lock["metrics"] = report(dev, StaticSentiment.load(folder).probabilities(dev.text))
        write_raw_lock(folder, lock)
        log(f"static on dev, as served, {weight} bytes: {lock['metrics']}")

    replace_folder(artifact, write)
    return lock


def _described(teacher: Path) -> dict[str, Any]:
    """What a student's lock says of its teacher: the terms of what that learned from are its own
    too."""
    lock = read_lock(teacher)
    return {
        "version": lock.version,
        "files": asdict(lock)["files"],
        "sources": lineage_sources(lock.training),
    }


def _write_tables(folder: Path, trained: Trained) -> None:
    pieces, pairs, head = quantise(trained.network)
    rows = np.full(VOCABULARY, len(trained.kept), dtype=np.uint16)
    rows[trained.kept] = np.arange(len(trained.kept))
    np.save(folder / PIECES_FILE, pieces)
    np.save(folder / PAIRS_FILE, pairs)
    parts = {field.name: getattr(head, field.name) for field in fields(Head)}
    np.savez(folder / HEAD_FILE, allow_pickle=False, rows=rows, **parts)


def quantise(
    network: StaticNetwork,
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8], Head]:
    """Return the tables of pieces and pairs, and the head, as `customerai_static.network` has them.

    Each channel, and each number of a pair, has one unit for the whole table, so that sums of rows
    are sums of integers.
    """
    state = {name: value.detach().float().numpy() for name, value in network.state_dict().items()}
    products = state["embedding.weight"] @ state["around.weight"].T
    by_channel = products.reshape(len(products), OFFSETS, network.channels)
    piece_unit = _unit(by_channel.reshape(-1, network.channels))
    pair_unit = _unit(state["pairs.weight"])
    head = Head(
        bias=np.rint(state["bias"] / piece_unit).astype(np.int16),
        scale=np.concatenate([piece_unit, pair_unit]),
        inner=np.ascontiguousarray(state["inner.weight"].T),
        inner_bias=state["inner.bias"],
        outer=np.ascontiguousarray(state["outer.weight"].T),
        outer_bias=state["outer.bias"],
    )
    pieces = _round(by_channel, piece_unit).reshape(len(products), -1)
    return pieces, _round(state["pairs.weight"], pair_unit), head


def _unit(table: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What 1 is worth in each column: the largest magnitude becomes 127."""
    largest = np.abs(table).max(axis=0)
    return np.asarray(np.where(largest > 0, largest, 1.0) / _LARGEST, dtype=np.float32)


def _round(table: npt.NDArray[np.float32], unit: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    return np.asarray(np.rint(table / unit).clip(-_LARGEST, _LARGEST), dtype=np.int8)
