"""The lanes of an encoder graph: a session for all workers, and one for a lone request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from models.encoder.sessions import EncoderSession, LoneSession
from models.serving.lane_limits import ENCODER
from models.serving.model import Lane
from models.serving.settings import cpus
from models.serving.tickets import LaneLimits

Answers = Callable[[EncoderSession | LoneSession, Sequence[Sequence[int]]], list[Any]]
"""From a session and windows to an answer for each window."""


class EncoderLanes:
    """One graph and the sessions that run it."""

    def __init__(
        self, graph: Path, outputs: Sequence[str], limits: LaneLimits | None = None
    ) -> None:
        """Load a graph; on a CPU with one core, and on a GPU, lone requests need nothing more."""
        self._session = EncoderSession(graph, outputs)
        self._limits = limits or ENCODER[self._session.on_gpu]
        cores = cpus()
        spread = cores > 1 and not self._session.on_gpu
        self._lone = LoneSession(self._session, cores) if spread else None
        self.outputs = self._session.outputs

    @property
    def later_bytes(self) -> int:
        """Memory that the session for lone requests takes once there is one."""
        return self._lone.bytes if self._lone else 0

    def lane(self, answers: Answers) -> Lane:
        """Return the lane whose runs are `answers`."""
        alone = partial(answers, self._lone) if self._lone else None
        return Lane(partial(answers, self._session), self._limits, alone)
