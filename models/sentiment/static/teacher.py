"""What the teacher says of the training texts, asked once and kept on disk."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.artifacts import MODEL_FILE
from models.sentiment.examples import Examples
from models.sentiment.labels import LABELS
from models.sentiment.lock import read_lock
from models.sentiment.predictor import SentimentPredictor

_ASKED_AT_ONCE = 1024


def draw_taught(examples: Examples, most: int, seed: int) -> npt.NDArray[np.int64]:
    """Return rows of `examples` in random order, at most `most` of each source."""
    order = np.random.default_rng(seed).permutation(len(examples))
    taught = [
        order[examples.source[order] == source][:most]
        for source in sorted(set(examples.source.tolist()))
    ]
    return np.random.default_rng(seed).permutation(np.concatenate(taught)).astype(np.int64)


def teach(
    texts: Sequence[str],
    rows: npt.NDArray[np.int64],
    teacher: Path,
    work: Path,
    threads: int,
    log: Callable[[str], None],
) -> npt.NDArray[np.float32]:
    """Return the teacher's calibrated probabilities (n, 3) of n texts; NaN but in `rows`.

    They are written to a file in `work` as they come, named by the teacher's graph and the texts:
    a second call goes on where the first one stopped, and another teacher starts its own file. What
    earlier calls asked about other rows stays in the file and out of the answer: what a run learns
    must not depend on what was run before it.

    Args:
        texts: all training texts.
        rows: which of them to ask about.
        teacher: folder of the encoder's artefact.
        work: folder to keep the answers in; created if absent.
        threads: CPU threads to ask with.
        log: takes one progress line at a time.

    Raises:
        ArtifactError: the teacher's artefact is unfit.
    """
    lock = read_lock(teacher)
    key = hashlib.sha256(f"{lock.files[MODEL_FILE].sha256} {lock.temperature}".encode())
    for text in texts:
        key.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    path = work / f"teacher-{key.hexdigest()[:16]}.npy"
    answers = _open(path, len(texts))
    missing = rows[np.isnan(answers[rows, 0])]
    log(f"teacher {lock.version}: {len(rows) - len(missing)} of {len(rows)} answers known")
    if len(missing):
        predictor = SentimentPredictor.load(teacher, workers=threads)
        started = time.monotonic()
        try:
            for start in range(0, len(missing), _ASKED_AT_ONCE):
                asked = missing[start : start + _ASKED_AT_ONCE]
                answers[asked] = predictor.probabilities([texts[row] for row in asked])
                answers.flush()
                done = start + len(asked)
                rate = done / (time.monotonic() - started)
                minutes = (len(missing) - done) / rate / 60
                log(f"teacher {done}/{len(missing)} {rate:.0f} texts/s ETA {minutes:.1f} min")
        finally:
            predictor.close()
    asked_now = np.full((len(texts), len(LABELS)), np.nan, dtype=np.float32)
    asked_now[rows] = answers[rows]
    return asked_now


def _open(path: Path, texts: int) -> np.memmap[tuple[int, int], np.dtype[np.float32]]:
    if path.exists():
        return np.lib.format.open_memmap(path, mode="r+")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Filled under another name: a file that is there has every row.
    new = path.with_suffix(".new")
    answers = np.lib.format.open_memmap(
        new, mode="w+", dtype=np.float32, shape=(texts, len(LABELS))
    )
    answers[:] = np.nan
    answers.flush()
    new.rename(path)
    return np.lib.format.open_memmap(path, mode="r+")
