"""The artefact's lock: the heads' file, their classes, temperatures and thresholds, and figures."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.artifacts import LOCK_FILE, ArtifactError, LockedFile, verify

HEADS_FILE = "heads.npz"


@dataclass(frozen=True, slots=True)
class LockedHead:
    """What a head is beside its weights; see `models.intents.heads.Head`."""

    classes: tuple[str, ...]
    temperature: float
    threshold: float


@dataclass(frozen=True, slots=True)
class IntentLock:
    """The contents of `artifact.lock.json`."""

    version: str
    embeddings: str
    """Version of the embeddings that the heads read."""

    heads: dict[str, LockedHead]
    files: dict[str, LockedFile]
    metrics: dict[str, Any]
    """By head, then by source of the test texts."""

    training: dict[str, Any]
    libraries: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write the lock into `folder`."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        (folder / LOCK_FILE).write_text(text + "\n", encoding="utf-8")


def read_lock(folder: Path) -> IntentLock:
    """Read a lock and verify every file it names.

    Raises:
        ArtifactError: the lock is missing or unreadable, or a file is missing or differs from it.
    """
    path = folder / LOCK_FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        raw["files"] = {name: LockedFile(**entry) for name, entry in raw["files"].items()}
        raw["heads"] = {
            name: LockedHead(**(entry | {"classes": tuple(entry["classes"])}))
            for name, entry in raw["heads"].items()
        }
        lock = IntentLock(**raw)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ArtifactError(f"{path}: not a readable lock ({error})") from error
    if HEADS_FILE not in lock.files:
        raise ArtifactError(f"{path}: does not name {HEADS_FILE}")
    verify(folder, lock.files)
    return lock
