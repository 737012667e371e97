"""The encoder with nothing around it.

`python -m tests.performance.serving.raw FOLDER TEXTS.json THREADS`: threads with a session of one
thread each go over the texts again and again. Reads a line of JSON with `batch`, `padding`,
`seconds` and `bare`, answers with a line that holds `per_s`, the texts a second of all threads
together, and reads the next. Between lines it sleeps. What is `bare` is the graph alone: the texts
are tokenised and padded beforehand, and the logits are dropped.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

import numpy as np

from tests.performance.serving.peers.sentiment import Ids, Sentiment, padded, softmax


class Order(TypedDict):
    """A line of standard input."""

    batch: int
    padding: float
    seconds: float
    bare: bool


def groups(lengths: Sequence[int], batch: int, padding: float) -> list[list[int]]:
    """Sort rows by length and cut them into groups for one run each.

    Args:
        lengths: tokens of each sequence.
        batch: most sequences of a group.
        padding: most that the longest of a group may have, as a multiple of the shortest.

    Returns:
        indices into `lengths`, the longest sequences first.
    """
    cut: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        last = cut[-1] if cut else []
        if last and len(last) < batch and lengths[last[0]] <= lengths[row] * padding:
            last.append(row)
        else:
            cut.append([row])
    return cut


def label_all(model: Sentiment, texts: Sequence[str], batch: int, padding: float) -> list[str]:
    """Return the label of each text: what the servers do, without a server."""
    windows = model.tokenise(texts)
    sequences = [sequence for of_text in windows for sequence in of_text]
    lengths = np.array([len(sequence) for sequence in sequences])
    probabilities = np.zeros((len(sequences), len(model.labels)))
    for rows in groups(lengths.tolist(), batch, padding):
        probabilities[rows] = softmax(model.logits([sequences[row] for row in rows]))
    starts = np.cumsum([0, *(len(of_text) for of_text in windows[:-1])])
    totals = np.add.reduceat(probabilities * lengths[:, None], starts)
    return [model.labels[best] for best in totals.argmax(axis=1)]


def tokenised(
    model: Sentiment, texts: Sequence[str], batch: int, padding: float
) -> list[tuple[Ids, Ids]]:
    """Return ids and mask of each run that `label_all` makes."""
    sequences = [sequence for of_text in model.tokenise(texts) for sequence in of_text]
    cut = groups([len(sequence) for sequence in sequences], batch, padding)
    return [padded([sequences[row] for row in rows]) for rows in cut]


def passes_per_s(work: Callable[[], object], seconds: float) -> float:
    """Return passes a second over as many whole ones as it takes to fill `seconds`, one at
    least."""
    started = time.perf_counter()
    passes, elapsed = 0, 0.0
    while not passes or elapsed < seconds:
        work()
        passes += 1
        elapsed = time.perf_counter() - started
    return passes / elapsed


def measure(models: Sequence[Sentiment], texts: Sequence[str], order: Order) -> float:
    """Return the texts a second of all models together, each on a thread of its own."""
    batch, padding = order["batch"], order["padding"]
    if order["bare"]:
        runs = tokenised(models[0], texts, batch, padding)

        def work(model: Sentiment) -> None:
            for ids, mask in runs:
                model.run(ids, mask)
    else:

        def work(model: Sentiment) -> None:
            label_all(model, texts, batch, padding)

    with ThreadPoolExecutor(len(models)) as pool:
        rates = pool.map(lambda model: passes_per_s(lambda: work(model), order["seconds"]), models)
        return sum(rates) * len(texts)


def main(folder: Path, texts: Sequence[str], threads: int) -> None:
    """Answer lines of standard input until it ends."""
    models = [Sentiment(folder, threads=1) for _ in range(threads)]
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"per_s": measure(models, texts, json.loads(line))}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_bytes()), int(sys.argv[3]))
