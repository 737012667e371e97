"""Files that make up an artefact, and the proof that they are what was measured."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOCK_FILE = "artifact.lock.json"
MODEL_FILE = "model.int8.onnx"
TOKENIZER_FILE = "tokenizer.json"


class ArtifactError(Exception):
    """The artefact is incomplete, or its files are not those that the lock names."""


@dataclass(frozen=True, slots=True)
class LockedFile:
    """Digest (lower-case hex) and size in bytes of one file."""

    sha256: str
    bytes: int


def lock_file(path: Path) -> LockedFile:
    """Measure a file."""
    content = path.read_bytes()
    return LockedFile(hashlib.sha256(content).hexdigest(), len(content))


def verify(folder: Path, files: Mapping[str, LockedFile]) -> None:
    """Hold the files of `folder` against their lock.

    Raises:
        ArtifactError: one is missing or differs.
    """
    for name, expected in files.items():
        if not (folder / name).is_file():
            raise ArtifactError(f"{folder / name}: missing, though the lock names it")
        if lock_file(folder / name) != expected:
            raise ArtifactError(f"{folder / name}: differs from its sha256 or size in the lock")
