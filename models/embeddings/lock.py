"""The artefact's lock: which files make up the embeddings, and how near they are to FP32."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from models.artifacts import (
    LOCK_FILE,
    MODEL_FILE,
    TOKENIZER_FILE,
    ArtifactError,
    LockedFile,
    verify,
)


@dataclass(frozen=True, slots=True)
class EmbeddingLock:
    """The contents of `artifact.lock.json`."""

    version: str
    """Name of the model version."""

    window_tokens: int
    """Longest token sequence of the graph, [CLS] and [SEP] included."""

    reduced_range: bool
    """Whether weight matrices keep to 7 bits."""

    files: dict[str, LockedFile]

    metrics: dict[str, dict[str, float]]
    """For each way of quantising that was tried: the least and the mean cosine between a
    sentence's INT8 and FP32 embedding, and how far cosines of pairs of sentences moved."""

    libraries: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write the lock into `folder`."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        (folder / LOCK_FILE).write_text(text + "\n", encoding="utf-8")


def read_lock(folder: Path) -> EmbeddingLock:
    """Read a lock and verify every file it names.

    Raises:
        ArtifactError: the lock is missing or unreadable, or a file is missing or differs from it.
    """
    path = folder / LOCK_FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        raw["files"] = {name: LockedFile(**entry) for name, entry in raw["files"].items()}
        lock = EmbeddingLock(**raw)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ArtifactError(f"{path}: not a readable lock ({error})") from error
    for required in (MODEL_FILE, TOKENIZER_FILE):
        if required not in lock.files:
            raise ArtifactError(f"{path}: does not name {required}")
    verify(folder, lock.files)
    return lock
