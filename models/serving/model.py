"""What the server needs of a model.

A new one is a module of `models.serving.adapters` with a class like this, and a line in
`models.serving.registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from models.serving.tickets import LaneLimits

Run = Callable[[Sequence[Any]], Sequence[Any]]
"""One answer for each unit, in order. Called by several threads at once."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One way to run a model, whose units can share a run.

    `alone`, where there is one, runs a single unit while the server does nothing else.
    """

    run: Run
    limits: LaneLimits
    alone: Run | None = None


class BatchedModel(Protocol):
    """Texts are cut into units, units of many requests run together, answers are joined."""

    @property
    def name(self) -> str:
        """What requests and settings call it; the lane of this name is its plain answer."""

    @property
    def version(self) -> str:
        """Name of the model version, returned with every answer."""

    @property
    def field(self) -> str:
        """What its answers are called in a response of `/models/{name}/invocations`."""

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """Lanes by name; names are the server's, so no two models share one."""

    def units(self, texts: Sequence[str]) -> list[list[Any]]:
        """Return what has to run for each text; the length of a unit is what its run costs."""

    def join(self, units: Sequence[Any], answers: Sequence[Any]) -> Any:
        """Return the answer for one text, JSON-able, from those for its units."""
