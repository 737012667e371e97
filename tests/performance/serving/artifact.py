"""The artefact that everything here runs, read without the code that is measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from models.artifacts import LOCK_FILE, MODEL_FILE, TOKENIZER_FILE

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Artifact:
    """Where the graph and the tokenizer are, and what their lock says of them."""

    folder: Path
    version: str
    labels: tuple[str, ...]
    window_tokens: int
    """Longest sequence of the graph, specials included."""

    @property
    def graph(self) -> Path:
        return self.folder / MODEL_FILE

    @property
    def tokenizer(self) -> Path:
        return self.folder / TOKENIZER_FILE


def sentiment_folder(tier: str) -> Path | None:
    """Return the folder of a tier's artefact, or None where it has not been built."""
    base = ROOT / "models" / "sentiment" / "artifact"
    if (base / tier / LOCK_FILE).is_file():
        return base / tier
    # A checkout from before there were tiers has one artefact, the full one.
    return base if tier == "full" and (base / LOCK_FILE).is_file() else None


def load(folder: Path) -> Artifact:
    """Read an artefact's lock.

    Raises:
        FileNotFoundError: there is none.
    """
    lock = json.loads((folder / LOCK_FILE).read_text(encoding="utf-8"))
    return Artifact(folder, lock["version"], tuple(lock["labels"]), lock["window_tokens"])
