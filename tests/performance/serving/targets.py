"""What the figures have to reach, and whether they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import ge, le, lt
from typing import Any, Literal

CONCURRENCY = "32"
"""Where throughput is compared."""

_ALONE = "1"
_HOLDS = {"≥": ge, "≤": le, "<": lt}


@dataclass(frozen=True, slots=True)
class Target:
    """One ratio, and what it has to be."""

    name: str
    what: str
    sign: Literal["≥", "≤", "<"]
    limit: float


TARGETS = (
    Target("ours_32_to_ceiling", "throughput at 32, of the raw ceiling", "≥", 0.90),
    Target("ours_32_to_best_peer", "throughput at 32, of the best peer's", "≥", 1.4),
    Target("p99_32_to_best_peer", "p99 at 32, of the lowest peer's", "<", 1.0),
    Target("p50_1_to_best_peer", "p50 at 1, of the lowest peer's", "≤", 1.0),
    Target("goodput_to_peak", "goodput at 2x saturation, of the peak", "≥", 0.9),
    Target("broken_promises", "accepted requests without an answer by their deadline", "≤", 0),
    Target("client_lag_to_deadline", "p99 of the client's own delay, of that deadline", "≤", 0.05),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and what was measured; `value` is None where it was not."""

    target: Target
    value: float | None

    @property
    def met(self) -> bool:
        """Whether it was measured and is within the limit."""
        return self.value is not None and _HOLDS[self.target.sign](self.value, self.target.limit)


def ratios(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the value of each target that the report has the figures for, and what goes with
    them."""
    ours, peers, overload = report["ours"], report["peers"], report["overload"]
    found: dict[str, float] = {}
    at_32 = [cells[CONCURRENCY] for cells in peers.values() if CONCURRENCY in cells]
    alone = [cells[_ALONE] for cells in peers.values() if _ALONE in cells]
    if CONCURRENCY in ours:
        mine = ours[CONCURRENCY]
        if report["ceiling_per_s"]:
            found["ours_32_to_ceiling"] = mine["requests_per_s"] / report["ceiling_per_s"]
        if at_32:
            best = max(cell["requests_per_s"] for cell in at_32)
            found["ours_32_to_best_peer"] = mine["requests_per_s"] / best
            lowest = min(cell["p99_ms"] for cell in at_32)
            found["p99_32_to_best_peer"] = mine["p99_ms"] / lowest
    if _ALONE in ours and alone:
        lowest = min(cell["p50_ms"] for cell in alone)
        found["p50_1_to_best_peer"] = ours[_ALONE]["p50_ms"] / lowest
    if overload:
        found["goodput_to_peak"] = overload["goodput_per_s"] / overload["peak_per_s"]
        found["broken_promises"] = overload["broken_promises"]
        found["client_lag_to_deadline"] = overload["client_lag_p99_ms"] / overload["deadline_ms"]
        # No targets: they show whether the goodput is bought with the long texts.
        found["goodput_tokens_to_peak"] = (
            overload["goodput_tokens_per_s"] / overload["peak_tokens_per_s"]
        )
    return found


def verdicts(found: Mapping[str, float]) -> list[Verdict]:
    """Hold the ratios against every target."""
    return [Verdict(target, found.get(target.name)) for target in TARGETS]
