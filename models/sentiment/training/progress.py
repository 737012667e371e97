"""What a run says of itself while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from models.sentiment.settings import TrainSettings
from models.sentiment.training.prefetch import MOST_WAITING

if TYPE_CHECKING:  # what describes a job elsewhere needs the patterns, but no PyTorch
    from models.sentiment.training.guard import Guard

METRICS = {
    "train:loss": r"step [0-9]+/[0-9]+ loss ([0-9.eE+-]+) ",
    "train:aspects_loss": r"step .* aspects ([0-9.eE+-]+) ",
    "train:rate": r"step .* rate ([0-9.eE+-]+) ",
    "train:texts_per_second": r"step .* ([0-9]+) texts/s ",
    "train:input_wait_percent": r"step .* waiting ([0-9.]+) % ",
    "train:skipped": r"step .* skipped ([0-9]+) ",
    "train:rolled_back": r"step .* rolled back ([0-9]+) ",
}
"""Regular expressions that find a progress line's figures, one group each."""

_OLD = 0.98
"""Weight of the past in the smoothed loss."""


class Shown(Protocol):
    """Where progress is shown."""

    def line(self, line: str) -> None:
        """Take one line of text."""

    def step(self, done: int, total: int) -> None:
        """Hear that so many of all steps are done."""


class Lines:
    """Progress as plain lines."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.line = write

    def step(self, done: int, total: int) -> None:
        """Say nothing: a line tells of it now and then."""


class Progress:
    """One run's progress, from step `first` on; seconds are the clock's."""

    def __init__(
        self,
        settings: TrainSettings,
        first: int,
        shown: Shown,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._first = first
        self._shown = shown
        self._clock = clock
        self._started = clock()
        self._loss: float | None = None
        self._aspects = 0.0
        self._waited_before, self._line_before = 0.0, self._started

    def step(
        self,
        done: int,
        loss: float,
        aspects: float | None,
        rate: float,
        waited: float,
        guard: Guard,
    ) -> None:
        """Hear of a step that was applied, skipped or rolled back.

        Args:
            done: steps done, this one included.
            loss: mean over its texts.
            aspects: mean over its marked sentences; None where it had none.
            rate: the learning rate.
            waited: seconds that the run has waited for input so far.
            guard: of the run.
        """
        settings = self._settings
        if loss == loss:  # not-a-number would stay in the smoothed loss forever
            self._loss = loss if self._loss is None else _OLD * self._loss + (1 - _OLD) * loss
        self._aspects = self._aspects if aspects is None else aspects
        self._shown.step(done, settings.steps)
        if done % settings.log_every and done != settings.steps:
            return
        now = self._clock()
        seconds = max(now - self._started, 1e-9)
        waiting = (waited - self._waited_before) / max(now - self._line_before, 1e-9)
        self._waited_before, self._line_before = waited, now
        remaining = seconds / (done - self._first) * (settings.steps - done)
        self._shown.line(
            f"step {done}/{settings.steps} loss {self._loss or 0.0:.4f} "
            f"aspects {self._aspects:.4f} rate {rate:.2e} "
            f"{(done - self._first) * settings.batch_size / seconds:.0f} texts/s "
            f"waiting {waiting:.1%} ".replace("%", " %")
            + f"skipped {guard.skipped} rolled back {guard.rolled_back} "
            f"ETA {remaining / 60:.1f} min"
        )

    def end(self, waited: float) -> float:
        """Say how much of the time went into waiting for input, and return it as a share."""
        share = waited / max(self._clock() - self._started, 1e-9)
        self._shown.line(f"waited for input {100 * share:.1f} % of the time")
        if share > MOST_WAITING:
            self._shown.line(
                f"warning: that is more than {100 * MOST_WAITING:.0f} %; give it more --prefetch, "
                "or processors that have less to do"
            )
        return share
