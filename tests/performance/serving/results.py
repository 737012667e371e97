"""What the rounds of a run have brought so far."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.performance.serving.plan import OURS
from tests.performance.serving.saturation import Overload
from tests.performance.serving.summary import Cell, median_cell
from tests.performance.serving.tuning import ALONE

Rounds = dict[str, list[Cell]]
"""Setting to one cell for each round."""


@dataclass
class Results:
    """Grows while a run goes on."""

    ceiling: list[float] = field(default_factory=list)
    session: list[float] = field(default_factory=list)
    """Of `session.run` alone."""

    cells: dict[str, dict[int, Rounds]] = field(default_factory=dict)
    """Server name to concurrency to the rounds of each setting; ours has one, without a name."""

    overload: list[Overload] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    """Peers that could not be installed or did not run, and why."""

    trouble: list[str] = field(default_factory=list)
    """What went wrong and left the rest worth showing."""

    failed: str | None = None
    """Why the run as a whole cannot be trusted."""

    settings: dict[str, Any] = field(default_factory=dict)
    """The chosen settings of the ceiling and of each peer."""

    tuning: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What the settings were chosen from."""

    def add(self, name: str, concurrency: int, cell: Cell, setting: str = "") -> None:
        """Record a server's round at one concurrency."""
        rounds = self.cells.setdefault(name, {}).setdefault(concurrency, {})
        rounds.setdefault(setting, []).append(cell)

    def peak(self) -> Cell:
        """Return our medians at the concurrency where throughput is highest.

        Raises:
            ValueError: ours was not measured.
        """
        medians = [
            median_cell(rounds)
            for settings in self.cells.get(OURS, {}).values()
            for rounds in settings.values()
        ]
        return max(medians, key=lambda cell: cell.requests_per_s)

    def peak_tokens(self) -> float:
        """Return our highest median tokens a second, at whatever concurrency."""
        return max(
            statistics.median(cell.tokens_per_s for cell in rounds)
            for settings in self.cells[OURS].values()
            for rounds in settings.values()
        )


def best(rounds: Mapping[str, Sequence[Cell]], concurrency: int) -> str:
    """Return the setting that serves a concurrency best: alone, the one with the lowest median p50,
    else the one with the highest median throughput."""
    medians = {setting: median_cell(cells) for setting, cells in rounds.items()}
    if concurrency == ALONE:
        return min(medians, key=lambda setting: medians[setting].p50_ms)
    return max(medians, key=lambda setting: medians[setting].requests_per_s)
