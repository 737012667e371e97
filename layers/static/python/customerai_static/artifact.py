"""The artefact: its files, and the proof that they are what was measured."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from customerai.domain.sentiment import SentimentLabel

ARTIFACT = Path(__file__).parent / "artifact"
"""The artefact that comes with this package."""

LOCK_FILE = "artifact.lock.json"
TOKENIZER_FILE = "tokenizer.json"
PIECES_FILE = "pieces.npy"
PAIRS_FILE = "pairs.npy"
HEAD_FILE = "head.npz"
"""The fields of `network.Head`, and `rows`: uint16, the row of each of the tokenizer's ids."""

FILES = (TOKENIZER_FILE, PIECES_FILE, PAIRS_FILE, HEAD_FILE)

LABELS = tuple(SentimentLabel)

NEVER_SURE = 2.0
"""A threshold of the cascade that no probability reaches."""


class StaticArtifactError(Exception):
    """The artefact is incomplete, or its files are not those that the lock names."""


@dataclass(frozen=True, slots=True)
class Lock:
    """What a reader needs of `artifact.lock.json`; there is more in it for people."""

    version: str
    """Name of the model version, recorded beside everything it analyses."""

    temperature: float
    """What logits are divided by before the softmax."""

    abstain_below: float
    """Calibrated confidence under which the model would rather not say."""

    sure_above: float
    """Calibrated confidence from which a cascade with the encoder `fitted_to` takes this model's
    word; above 1 is never."""

    fitted_to: str
    """Version of that encoder; empty where the lock names none, or another version of this model
    than the one that it is of: then `sure_above` speaks of a pair that is not there."""


def read_lock(folder: Path, *, verify: bool = True) -> Lock:
    """Read the lock of `folder` and hold the files against it.

    Args:
        folder: where the artefact is.
        verify: whether to compare digests too; sizes always are.

    Raises:
        StaticArtifactError: the lock is missing or unreadable, the classes are not those of the
            domain, or a file is missing or differs from the lock.
    """
    path = folder / LOCK_FILE
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        lock = Lock(
            version=raw["version"],
            temperature=float(raw["temperature"]),
            abstain_below=float(raw["abstain_below"]),
            sure_above=float(raw["cascade"]["sure_above"]),
            fitted_to=_fitted_to(raw["version"], raw["cascade"]),
        )
        labels, files = tuple(raw["labels"]), dict(raw["files"])
        expected = {name: (files[name]["bytes"], files[name]["sha256"]) for name in files}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StaticArtifactError(f"{path}: not a readable lock ({error!r})") from error
    if labels != LABELS:
        raise StaticArtifactError(f"{folder}: predicts {labels}, not {LABELS}")
    for name in FILES:
        if name not in expected:
            raise StaticArtifactError(f"{path}: does not name {name}")
    for name, (size, digest) in expected.items():
        file = folder / name
        if not file.is_file():
            raise StaticArtifactError(f"{file}: missing, though the lock names it")
        differs = file.stat().st_size != size
        if differs or (verify and hashlib.sha256(file.read_bytes()).hexdigest() != digest):
            raise StaticArtifactError(f"{file}: differs from its sha256 or size in the lock")
    return lock


def _fitted_to(version: str, cascade: dict[str, Any]) -> str:
    return str(cascade.get("full", "")) if cascade.get("static") == version else ""


def open_table(path: Path) -> npt.NDArray[np.int8]:
    """Map a table into memory: the system reads what is looked up, and threads share it."""
    # A plain array over the map: every slice of a memmap object would cost a Python call.
    table: npt.NDArray[np.int8] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    return table
