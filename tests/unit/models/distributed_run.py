"""What one process of `test_distributed` does: a few steps under each setting, weights to files.

Usage: distributed_run.py DATA WORK NAME [NAME ...]; where WORK has a checkpoint of that name, the
run goes on from it.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from models.sentiment.training.classifier import SentimentClassifier
from models.sentiment.training.corpus import open_corpus
from models.sentiment.training.progress import Lines
from models.sentiment.training.train import fit
from models.sentiment.training.world import joined
from tests.unit.models.training_rows import TINY

BASE = replace(TINY, steps=3, dropout=0.0, learning_rate=1e-3, warmup_steps=1)


class StoppedError(Exception):
    """The run ends here."""


class Stopping:
    """Ends the run in its last step."""

    def line(self, line: str) -> None:
        """Say nothing."""

    def step(self, done: int, total: int) -> None:
        """Count."""
        if done == total:
            raise StoppedError


def run(data: Path, work: Path, names: list[str]) -> None:
    """Train once for each name: base, accumulated, sharded, both; sharded too: half, which ends
    after its second checkpoint, and resumed."""
    torch.set_num_threads(1)
    with joined("cpu") as world:
        for name in names:
            settings = replace(
                BASE,
                accumulate_steps=2 if name in ("accumulated", "both") else 1,
                shard_optimizer=name in ("sharded", "both", "half", "resumed"),
            )
            torch.manual_seed(0)
            model = SentimentClassifier(layers=1, dropout=0.0)
            model.freeze_embeddings()
            corpus = open_corpus(data, work, settings, lambda _: None)
            shown = Stopping() if name == "half" else Lines(lambda _: None)
            with suppress(StoppedError):
                fit(model, corpus, work / f"{name}.pt", settings, world, shown, [])


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
