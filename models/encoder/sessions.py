"""Running an encoder graph: single-threaded runs side by side, near-equal lengths together.

Padding wastes a CPU, and threads inside one run wait for each other: a run per core, each of a few
sequences of almost the same length, does more than one run with all cores.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from models.artifacts import FP16_FILE, MODEL_FILE, verify_origin

logger = logging.getLogger(__name__)

MICRO_BATCH = 4
"""Most sequences in one run of the encoder: enough to fill the matrix units, few enough to pad
little."""

PADDING_ALLOWED = 1.25
"""Longest by shortest sequence of one run, at most."""

_BYTES_OF_FILE = 1.6
"""Memory of a session by the size of its INT8 graph: measured, 1.2 to 1.6."""

_CPU = "CPUExecutionProvider"
_GPU = ("TensorrtExecutionProvider", "CUDAExecutionProvider")
"""Fastest first."""

Outputs = list[npt.NDArray[np.float32]]
"""One array for each output asked for; its first axis counts the sequences of the run."""


class EncoderSession:
    """One ONNX Runtime session, by default without threads of its own.

    A run takes place on the thread that calls it, and any number of threads may call at once: the
    weights are in memory once, and on two cores two threads got as much out of one session as out
    of one each.
    """

    def __init__(
        self, graph: Path, outputs: Sequence[str] = ("logits",), *, threads: int = 1
    ) -> None:
        """Load a graph with inputs ids and mask, int32 (batch, tokens).

        Args:
            graph: the ONNX file; `graph_in` finds the right one for the host.
            outputs: names of the outputs that `run` returns unless told otherwise.
            threads: how many work on a run, the caller's included.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that sleep between the operators of a short run gain nothing over one thread; and
        # those that go on spinning after it cost a server 20 ms of a core for each request.
        options.add_session_config_entry("session.intra_op.allow_spinning", str(int(threads > 1)))
        options.add_session_config_entry("session.force_spinning_stop", "1")
        providers = session_providers(graph, onnxruntime.get_available_providers())
        self._session = onnxruntime.InferenceSession(graph, options, providers=providers)
        self.on_gpu = self._session.get_providers()[0] in _GPU
        """Whether it runs on a GPU, which the host may turn out not to have after all."""
        self.graph = graph
        self.defaults = list(outputs)
        """Names of the outputs that a run gives unless told otherwise."""
        self.outputs = tuple(output.name for output in self._session.get_outputs())
        """Names of everything the graph can give."""
        # Without it the nodes of outputs that nobody asked for are computed all the same.
        self._run_options = onnxruntime.RunOptions()
        self._run_options.only_execute_path_to_fetches = True

    def run(
        self, sequences: Sequence[Sequence[int]], outputs: Sequence[str] | None = None
    ) -> Outputs:
        """Run token id sequences, padded to the longest, through the graph.

        Raises:
            FloatingPointError: the graph's answer holds something that is no number.
        """
        longest = max(map(len, sequences))
        ids = np.zeros((len(sequences), longest), dtype=np.int32)
        mask = np.zeros_like(ids)
        for index, sequence in enumerate(sequences):
            ids[index, : len(sequence)] = sequence
            mask[index, : len(sequence)] = 1
        names = self.defaults if outputs is None else list(outputs)
        answer: Outputs = self._session.run(names, {"ids": ids, "mask": mask}, self._run_options)
        if not all(np.isfinite(each).all() for each in answer):
            raise FloatingPointError(f"{self.graph}: answers what is no number")
        return [each.astype(np.float32) for each in answer] if self.on_gpu else answer


class LoneSession:
    """A graph for runs that have the machine to themselves: all cores work on each.

    The weights are in memory a second time then. They are loaded in the background, once a run has
    been asked for; `usual` runs until they are there, and where they can't be.
    """

    def __init__(self, usual: EncoderSession, threads: int) -> None:
        self._usual = self._session = usual
        self._threads = threads
        self.loading: threading.Thread | None = None
        self.bytes = int(usual.graph.stat().st_size * _BYTES_OF_FILE)
        """How much memory it takes once it is loaded."""

    def run(
        self, sequences: Sequence[Sequence[int]], outputs: Sequence[str] | None = None
    ) -> Outputs:
        """As `EncoderSession.run`; to be called from one thread."""
        answer = self._session.run(sequences, outputs)
        if self.loading is None:
            self.loading = threading.Thread(target=self._load, name="lone-session")
            self.loading.start()
        return answer

    def _load(self) -> None:
        usual = self._usual
        try:
            self._session = EncoderSession(usual.graph, usual.defaults, threads=self._threads)
        except Exception:
            logger.exception("%s: no second session for lone runs", usual.graph)


def graph_in(folder: Path, available: Sequence[str] | None = None) -> Path:
    """Return the graph of an artefact that suits this host.

    Args:
        folder: where the artefact is; its lock covers the graph for CPUs.
        available: ONNX Runtime's providers; those of this installation by default.

    Raises:
        ArtifactError: the graph for GPUs is not known to be of this artefact.
    """
    present = onnxruntime.get_available_providers() if available is None else available
    gpu_graph, graph = folder / FP16_FILE, folder / MODEL_FILE
    if not (set(present) & set(_GPU) and gpu_graph.is_file()):
        return graph
    verify_origin(gpu_graph, graph)
    return gpu_graph


def session_providers(graph: Path, available: Sequence[str]) -> list[str]:
    """Return the providers for a graph, in the order in which ONNX Runtime should try them.

    The INT8 graph is for CPUs: its operators exist on no other provider.
    """
    gpu = _GPU if graph.name == FP16_FILE else ()
    return [*(provider for provider in gpu if provider in available), _CPU]


class SessionPool:
    """Threads that share a session, for whoever has many sequences at once."""

    def __init__(
        self, graph: Path, workers: int, thread_name: str, outputs: Sequence[str] = ("logits",)
    ) -> None:
        self._session = EncoderSession(graph, outputs)
        self.outputs = self._session.outputs
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=thread_name)

    def run(
        self, sequences: Sequence[Sequence[int]], outputs: Sequence[str] | None = None
    ) -> Iterator[tuple[list[int], Outputs]]:
        """Yield the rows of `sequences` in each micro-batch, and what the graph says of them."""
        batches = micro_batches([len(sequence) for sequence in sequences])
        groups = ([sequences[row] for row in rows] for rows in batches)
        answers = self._pool.map(lambda group: self._session.run(group, outputs), groups)
        return zip(batches, answers, strict=True)

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
