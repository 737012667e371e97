"""The artefact's lock: which files make up a model version, and how it came about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from models.artifacts import (
    LOCK_FILE,
    MODEL_FILE,
    TOKENIZER_FILE,
    ArtifactError,
    LockedFile,
    verify,
)
from models.sentiment.installation import replace_file


@dataclass(frozen=True, slots=True)
class ArtifactLock:
    """The contents of `artifact.lock.json`."""

    version: str
    """Name of the model version, recorded beside everything it analyses."""

    labels: tuple[str, ...]
    """Class names in the order of the model's outputs."""

    window_tokens: int
    """Longest token sequence of the graph, [CLS] and [SEP] included."""

    temperature: float
    """What logits are divided by before the softmax."""

    abstain_below: float = field(default=0.0, kw_only=True)
    """Answers whose most probable class is less probable than this abstain."""

    aspect_temperature: float = field(default=1.0, kw_only=True)
    """What the logits of an aspect's sentiment are divided by before the softmax."""

    files: dict[str, LockedFile]
    metrics: dict[str, Any]
    training: dict[str, Any]
    libraries: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write the lock into `folder`."""
        write_raw_lock(folder, asdict(self))


def read_raw_lock(folder: Path) -> dict[str, Any]:
    """Read a lock as it is written, of any tier, without holding the files against it.

    Raises:
        ArtifactError: the lock is missing or unreadable.
    """
    path = folder / LOCK_FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: not a readable lock ({error})") from error
    if not isinstance(raw, dict):
        raise ArtifactError(f"{path}: not a readable lock")
    return raw


def write_raw_lock(folder: Path, lock: Mapping[str, Any]) -> None:
    """Write a lock of any tier; who reads meanwhile finds the old one or the new one."""
    text = json.dumps(lock, indent=2, ensure_ascii=False)
    replace_file(folder / LOCK_FILE, text + "\n")


def read_lock(folder: Path) -> ArtifactLock:
    """Read a lock and verify every file it names.

    Raises:
        ArtifactError: the lock is missing or unreadable, or a file is missing or differs from it.
    """
    path = folder / LOCK_FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        raw["labels"] = tuple(raw["labels"])
        raw["files"] = {name: LockedFile(**entry) for name, entry in raw["files"].items()}
        lock = ArtifactLock(**raw)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ArtifactError(f"{path}: not a readable lock ({error})") from error
    for required in (MODEL_FILE, TOKENIZER_FILE):
        if required not in lock.files:
            raise ArtifactError(f"{path}: does not name {required}")
    verify(folder, lock.files)
    return lock
