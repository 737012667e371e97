"""The model as somebody would write it who has the artefact and a serving framework.

Shared by the peers and by the ceiling, so that all do the same work for a text: normalise,
tokenise, run every window, softmax. Runs in the environments of the peers, so it imports only
what they have: ONNX Runtime, tokenizers, NumPy.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from models.encoder.tokens import WindowTokenizer
from tests.performance.serving.artifact import load

FOLDER = "BENCH_ARTIFACT"
WORKERS = "BENCH_WORKERS"
THREADS = "BENCH_THREADS"
HANDLERS = "BENCH_HANDLERS"
BATCH = "BENCH_BATCH"
WAIT_MS = "BENCH_WAIT_MS"
"""Environment variables of a peer: the artefact, processes, threads of a session (0 is ONNX
Runtime's default), calls that a process handles at once, most requests of a batch, and how long a
batch waits for more of them."""

Windows = list[list[list[int]]]
"""For each text its windows, for each window its token ids."""

Ids = npt.NDArray[np.int32]


def number(variable: str, default: int) -> int:
    """Return a setting of this peer."""
    return int(os.environ.get(variable, default))


class Sentiment:
    """Tokenizer and session; safe to call from several threads at once."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Load an artefact; the session has `threads` threads, or its own default where 0."""
        artifact = load(folder)
        self.version = artifact.version
        self.labels = artifact.labels
        options = onnxruntime.SessionOptions()
        if threads:
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            artifact.graph, options, providers=["CPUExecutionProvider"]
        )
        self._run = onnxruntime.RunOptions()
        self._run.only_execute_path_to_fetches = True
        self._tokenizer = WindowTokenizer(artifact.tokenizer, artifact.window_tokens)

    @classmethod
    def from_environment(cls) -> Sentiment:
        """Load what the peer's environment variables ask for."""
        return cls(Path(os.environ[FOLDER]), number(THREADS, 0))

    def tokenise(self, texts: Sequence[str]) -> Windows:
        """Return the windows of each text; a text without a token has one without any."""
        return [windows or [self._tokenizer.blank] for windows in self._tokenizer.encode(texts)]

    def logits(self, sequences: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """Run sequences, padded to the longest, through the graph; return (n, classes)."""
        return self.run(*padded(sequences))

    def run(self, ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        """Run the graph and nothing else; return (n, classes)."""
        answer: npt.NDArray[np.float32] = self._session.run(
            ["logits"], {"ids": ids, "mask": mask}, self._run
        )[0]
        return answer

    def predict(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """Answer all texts with one padded run; a text's windows count by their length."""
        windows = self.tokenise(texts)
        sequences = [sequence for of_text in windows for sequence in of_text]
        probabilities = iter(softmax(self.logits(sequences)))
        results = []
        for of_text in windows:
            rows = [next(probabilities) for _ in of_text]
            mean = np.average(rows, axis=0, weights=[len(sequence) for sequence in of_text])
            scores = dict(zip(self.labels, mean.tolist(), strict=True))
            results.append({"label": self.labels[int(mean.argmax())], "scores": scores})
        return results


def padded(sequences: Sequence[Sequence[int]]) -> tuple[Ids, Ids]:
    """Return ids and mask, (n, tokens of the longest), as the graph takes them."""
    longest = max(map(len, sequences))
    ids = np.zeros((len(sequences), longest), np.int32)
    mask = np.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return ids, mask


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return probabilities along the last axis."""
    exponential = np.exp(logits - logits.max(axis=-1, keepdims=True))
    answer: npt.NDArray[np.float32] = exponential / exponential.sum(axis=-1, keepdims=True)
    return answer
