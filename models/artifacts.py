"""Files that make up an artefact, and the proof that they are what was measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOCK_FILE = "artifact.lock.json"
MODEL_FILE = "model.int8.onnx"
FP16_FILE = "model.fp16.onnx"
"""The graph for GPUs, beside the one for CPUs; it is built by a command and not committed."""

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
    with path.open("rb") as content:
        return LockedFile(hashlib.file_digest(content, "sha256").hexdigest(), path.stat().st_size)


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


def write_origin(fp16: Path, model: Path) -> Path:
    """Write, beside a graph for GPUs, which `MODEL_FILE` it was made from; return that file."""
    origin = fp16.with_suffix(".json")
    said = {"model_sha256": lock_file(model).sha256, "sha256": lock_file(fp16).sha256}
    origin.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    return origin


def verify_origin(fp16: Path, model: Path) -> None:
    """Hold a graph for GPUs against what `write_origin` wrote beside it.

    Raises:
        ArtifactError: that is missing or not readable; or one of the two files is another.
    """
    origin = fp16.with_suffix(".json")
    again = "make it again: python -m models.sentiment export-gpu"
    try:
        said = json.loads(origin.read_text(encoding="utf-8"))
        expected = said["sha256"], said["model_sha256"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ArtifactError(f"{origin}: not readable ({error!r}); {again}") from error
    if lock_file(fp16).sha256 != expected[0]:
        raise ArtifactError(f"{fp16}: differs from its sha256 in {origin.name}; {again}")
    if lock_file(model).sha256 != expected[1]:
        raise ArtifactError(f"{fp16}: was made from another {model.name}; {again}")
