"""The encoder with nothing around it.

`python -m tests.performance.serving.raw FOLDER TEXTS.json THREADS`: threads with a session of one
thread each go over the texts again and again. Reads a line of JSON with `batch`, `padding` and
`seconds`, answers with a line that holds `per_s`, the texts a second of all threads together, and
reads the next. Between lines it sleeps.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tests.performance.serving.peers.sentiment import Sentiment, softmax


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


def rate(
    model: Sentiment, texts: Sequence[str], batch: int, padding: float, seconds: float
) -> float:
    """Return texts a second over as many whole passes as it takes to fill `seconds`."""
    started = time.perf_counter()
    passes = 0
    while (elapsed := time.perf_counter() - started) < seconds:
        label_all(model, texts, batch, padding)
        passes += 1
    return passes * len(texts) / elapsed


def main(folder: Path, texts: Sequence[str], threads: int) -> None:
    """Answer lines of standard input until it ends."""
    models = [Sentiment(folder, threads=1) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        print(json.dumps({"ready": True}), flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            rates = pool.map(
                lambda model, asked: rate(model, texts, **asked), models, [order] * threads
            )
            print(json.dumps({"per_s": sum(rates)}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_bytes()), int(sys.argv[3]))
