"""Watching a run for steps that would harm it.

A step whose loss or gradient is not finite is skipped. One whose loss or gradient is far above what
has been usual is taken as a sign that the weights went wrong: they go back to the last good state
that is kept in memory, and the run goes on from the next batch at half the rate, so that the batch
which did it is not met again (Chowdhery et al. 2022, https://arxiv.org/abs/2204.02311, section 5.1,
restarts by hand for the same reason).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from enum import StrEnum
from statistics import median
from typing import Any

import torch
from torch import Tensor

_REMEMBERED = 64
_NEEDED = 20
_SIGMAS = 8.0
_MAD_TO_SIGMA = 1.4826
"""Makes the median absolute deviation of normal data its standard deviation."""

_LEAST_LOSS_RATIO = 3.0
_LEAST_NORM_RATIO = 10.0
"""What is below this multiple of the median is no spike, however steady the run has been."""

_GOOD_AGAIN = 100
_LOSSES_IN_A_ROW = 3


class TrainingUnstableError(Exception):
    """Too many steps had to be skipped or rolled back; the message tells of the last one."""


class Verdict(StrEnum):
    """What to do with a step."""

    APPLY = "apply"
    SKIP = "skip"
    ROLL_BACK = "roll back"


class Guard:
    """Judges each step by its loss and its gradient's norm. Every worker that sees the same figures
    comes to the same verdict."""

    def __init__(self, most_trouble: int, log: Callable[[str], None], *, scales: bool) -> None:
        """`scales` says that a loss scaler answers overflows, so that the rate need not."""
        self.skipped = 0
        self.rolled_back = 0
        self.rate = 1.0
        """Factor on the learning rate."""

        self._most_trouble = most_trouble
        self._log = log
        self._scales = scales
        self._trouble = 0
        self._good_in_a_row = 0
        self._broken_in_a_row = 0
        self._loss: deque[float] = deque(maxlen=_REMEMBERED)
        self._norm: deque[float] = deque(maxlen=_REMEMBERED)
        self._norm_with_aspects: deque[float] = deque(maxlen=_REMEMBERED)

    def judge(
        self, step: int, loss: float, norm: float, of_aspects: float | None = None
    ) -> Verdict:
        """Say what to do with a step before its gradient is applied.

        Args:
            step: its number, for the log.
            loss: mean over the whole batch's texts.
            norm: of the whole batch's unscaled gradient.
            of_aspects: mean loss over the batch's marked sentences; None where it has none.

        Raises:
            TrainingUnstableError: this is one step of trouble too many.
        """
        if not math.isfinite(of_aspects or 0.0):
            loss = math.nan
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self._broken_in_a_row += not math.isfinite(loss)
            # Once is the batch's fault; a loss that stays broken is the weights'.
            if self._broken_in_a_row >= _LOSSES_IN_A_ROW:
                return self._roll_back(step, loss, norm)
            return self._skip(step, loss, norm)
        self._broken_in_a_row = 0
        # Marked sentences add to the gradient: steps with them are compared with their like.
        norms = self._norm if of_aspects is None else self._norm_with_aspects
        if _spikes(loss, self._loss, _LEAST_LOSS_RATIO) or _spikes(norm, norms, _LEAST_NORM_RATIO):
            return self._roll_back(step, loss, norm)
        self._loss.append(loss)
        norms.append(norm)
        self._good_in_a_row += 1
        if self._good_in_a_row % _GOOD_AGAIN == 0:
            self._trouble = 0
            self.rate = min(1.0, 2 * self.rate)
        return Verdict.APPLY

    def state(self) -> dict[str, Any]:
        """Return everything that a checkpoint needs of it."""
        return {
            "skipped": self.skipped,
            "rolled_back": self.rolled_back,
            "rate": self.rate,
            "trouble": self._trouble,
            "good_in_a_row": self._good_in_a_row,
            "broken_in_a_row": self._broken_in_a_row,
            "loss": list(self._loss),
            "norm": list(self._norm),
            "norm_with_aspects": list(self._norm_with_aspects),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.skipped, self.rolled_back = state["skipped"], state["rolled_back"]
        self.rate, self._trouble = state["rate"], state["trouble"]
        self._good_in_a_row = state["good_in_a_row"]
        self._broken_in_a_row = state["broken_in_a_row"]
        self._loss.extend(state["loss"])
        self._norm.extend(state["norm"])
        self._norm_with_aspects.extend(state["norm_with_aspects"])

    def _skip(self, step: int, loss: float, norm: float) -> Verdict:
        self.skipped += 1
        if not self._scales:
            self.rate /= 2
        what = "the loss scale" if self._scales else f"the rate to {self.rate:g} of the plan's"
        self._note(f"step {step}: loss {loss:.4g}, gradient {norm:.4g}: skipped; lowering {what}")
        return Verdict.SKIP

    def _roll_back(self, step: int, loss: float, norm: float) -> Verdict:
        self.rolled_back += 1
        self.rate /= 2
        self._note(
            f"step {step}: loss {loss:.4g}, gradient {norm:.4g}: rolled back; lowering the rate "
            f"to {self.rate:g} of the plan's"
        )
        return Verdict.ROLL_BACK

    def _note(self, line: str) -> None:
        self._trouble += 1
        self._good_in_a_row = 0
        self._log(f"guard: {line}")
        if self._trouble > self._most_trouble:
            raise TrainingUnstableError(
                f"training doesn't recover: {self._trouble} steps skipped or rolled back without "
                f"{_GOOD_AGAIN} good ones in a row between them, last {line}"
            )


def _spikes(value: float, usual: deque[float], least_ratio: float) -> bool:
    """Whether a value is far above the usual ones, by their median and its absolute deviation on a
    logarithmic scale, which a few wild values don't move."""
    if len(usual) < _NEEDED or value <= 0:
        return False
    logs = [math.log(max(each, 1e-12)) for each in usual]
    middle = median(logs)
    sigma = _MAD_TO_SIGMA * median(abs(each - middle) for each in logs)
    return math.log(value) - middle > max(_SIGMAS * sigma, math.log(least_ratio))


class Snapshot:
    """One copy in memory of everything that learning changes: weights and optimiser state."""

    def __init__(self, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self._model = model
        # A sharded optimiser keeps its part in an optimiser of its own.
        self._optimizer: torch.optim.Optimizer = getattr(optimizer, "optim", optimizer)
        self._kept: dict[Tensor, Tensor] = {}

    def take(self) -> None:
        """Copy the present state over the one that was kept."""
        with torch.no_grad():
            self._kept = {
                tensor: self._kept[tensor].copy_(tensor) if tensor in self._kept else tensor.clone()
                for tensor in self._tensors()
            }

    def restore(self) -> bool:
        """Go back to the kept state; return False where none is kept."""
        if not self._kept:
            return False
        state = self._optimizer.state
        for parameter in list(state):
            # State that came into being after the copy was taken did not exist then.
            if any(
                isinstance(value, Tensor) and value not in self._kept
                for value in state[parameter].values()
            ):
                del state[parameter]
        with torch.no_grad():
            for tensor, copy in self._kept.items():
                tensor.copy_(copy)
        return True

    def _tensors(self) -> Iterator[Tensor]:
        for parameter in self._model.parameters():
            if parameter.requires_grad:
                yield parameter
        for state in self._optimizer.state.values():
            yield from (value for value in state.values() if isinstance(value, Tensor))
