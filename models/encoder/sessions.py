"""Running an encoder graph: one single-threaded session per thread, near-equal lengths together.

Padding wastes a CPU, and threads inside one session wait for each other: a session per core, each
fed with a few sequences of almost the same length, does more than one session with all cores.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

MICRO_BATCH = 4
"""Most sequences in one run of the encoder: enough to fill the matrix units, few enough to pad
little."""

PADDING_ALLOWED = 1.25
"""Longest by shortest sequence of one run, at most."""

Outputs = list[npt.NDArray[np.float32]]
"""One array for each output asked for; its first axis counts the sequences of the run."""


class EncoderSession:
    """One single-threaded ONNX Runtime session; not to be used by two threads at a time."""

    def __init__(self, graph: Path, outputs: Sequence[str] = ("logits",)) -> None:
        """Load a graph with inputs ids and mask, int32 (batch, tokens).

        Args:
            graph: the ONNX file.
            outputs: names of the outputs that `run` returns unless told otherwise.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        self._outputs = list(outputs)
        # Without it the nodes of outputs that nobody asked for are computed all the same.
        self._run_options = onnxruntime.RunOptions()
        self._run_options.only_execute_path_to_fetches = True

    def run(
        self, sequences: Sequence[Sequence[int]], outputs: Sequence[str] | None = None
    ) -> Outputs:
        """Run token id sequences, padded to the longest, through the graph."""
        longest = max(map(len, sequences))
        ids = np.zeros((len(sequences), longest), dtype=np.int32)
        mask = np.zeros_like(ids)
        for index, sequence in enumerate(sequences):
            ids[index, : len(sequence)] = sequence
            mask[index, : len(sequence)] = 1
        names = self._outputs if outputs is None else list(outputs)
        answer: Outputs = self._session.run(names, {"ids": ids, "mask": mask}, self._run_options)
        return answer


class SessionPool:
    """Threads that each own a session, for whoever has many sequences at once."""

    def __init__(
        self, graph: Path, workers: int, thread_name: str, outputs: Sequence[str] = ("logits",)
    ) -> None:
        # Loaded here rather than by the threads, so that a broken graph fails at once.
        sessions = [EncoderSession(graph, outputs) for _ in range(workers)]
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(
            workers,
            thread_name_prefix=thread_name,
            initializer=lambda: setattr(self._local, "session", sessions.pop()),
        )

    def run(self, sequences: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], Outputs]]:
        """Yield the rows of `sequences` in each micro-batch, and what the graph says of them."""
        batches = micro_batches([len(sequence) for sequence in sequences])
        groups = ([sequences[row] for row in rows] for rows in batches)
        return zip(batches, self._map(groups), strict=True)

    def _map(self, groups: Iterable[list[Sequence[int]]]) -> Iterator[Outputs]:
        return self._pool.map(lambda group: self._local.session.run(group), groups)

    def close(self) -> None:
        """Finish what is running and stop the threads."""
        self._pool.shutdown()


def micro_batches(lengths: Sequence[int]) -> list[list[int]]:
    """Group rows of near-equal length, longest first, at most MICRO_BATCH to a group.

    Longest first keeps the threads evenly busy to the end.
    """
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        last = batches[-1] if batches else []
        if last and len(last) < MICRO_BATCH and lengths[last[0]] <= lengths[row] * PADDING_ALLOWED:
            last.append(row)
        else:
            batches.append([row])
    return batches
