"""From single requests to the figures of the report."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.performance.serving.client import CLOSED, UNANSWERED, Exchange, Load, answered

_NAMES = {CLOSED: "closed", UNANSWERED: "unanswered"}


class NothingAnsweredError(Exception):
    """Not one request of a run was answered with 200."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One server at one concurrency. Latencies are of answers with status 200."""

    requests_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    errors: int
    """Requests with any other fate."""

    client_cores: float
    """CPU cores that the load client used."""


@dataclass(frozen=True, slots=True)
class Overload:
    """What became of more requests than the server can answer."""

    offered_per_s: float
    """Arrivals a second, as they were, whatever came back."""

    deadline_ms: float
    goodput_per_s: float
    """Answers with status 200 within the deadline, counted from when the request was due."""

    accepted_p99_ms: float
    """99th percentile of all answers with status 200; 0 where there is none."""

    refused: dict[str, int]
    """Requests without a 200, by status, `closed` or `unanswered`."""

    missed: int
    """Answers with status 200 that came after the deadline."""

    client_lag_p99_ms: float
    """How late the client sent its requests; what is here is not the server's fault."""

    client_cores: float


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile: the smallest value that at least `share` of all values
    don't exceed.

    Args:
        values: in any order, at least one.
        share: above 0, at most 1.

    Raises:
        ValueError: there is no value, or the share is out of range.
    """
    if not values or not 0.0 < share <= 1.0:
        raise ValueError(f"no {share} percentile of {len(values)} values")
    return sorted(values)[math.ceil(share * len(values)) - 1]


def cell(load: Load) -> Cell:
    """Summarise a closed loop.

    Raises:
        NothingAnsweredError: it has no answer.
    """
    latencies = [entry.latency * 1e3 for entry in load.exchanges if answered(entry)]
    if not latencies:
        fates = dict(_fates(load.exchanges)) or "no request came to an end"
        raise NothingAnsweredError(f"no request was answered with 200: {fates}")
    return Cell(
        requests_per_s=len(latencies) / load.seconds,
        p50_ms=percentile(latencies, 0.50),
        p95_ms=percentile(latencies, 0.95),
        p99_ms=percentile(latencies, 0.99),
        errors=len(load.exchanges) - len(latencies),
        client_cores=load.client_cores,
    )


def overload(load: Load, deadline: float) -> Overload:
    """Judge each request of an open loop by its fate; `deadline` is in seconds."""
    accepted = [entry.latency for entry in load.exchanges if answered(entry)]
    in_time = sum(latency <= deadline for latency in accepted)
    lags = [entry.sent - entry.intended for entry in load.exchanges]
    return Overload(
        offered_per_s=len(load.exchanges) / load.seconds,
        deadline_ms=deadline * 1e3,
        goodput_per_s=in_time / load.seconds,
        accepted_p99_ms=percentile(accepted, 0.99) * 1e3 if accepted else 0.0,
        refused=dict(sorted(_fates(load.exchanges).items())),
        missed=len(accepted) - in_time,
        client_lag_p99_ms=percentile(lags, 0.99) * 1e3 if lags else 0.0,
        client_cores=load.client_cores,
    )


def _fates(exchanges: Sequence[Exchange]) -> Counter[str]:
    return Counter(
        _NAMES.get(entry.status, str(entry.status)) for entry in exchanges if not answered(entry)
    )


def median_cell(rounds: Sequence[Cell]) -> Cell:
    """Return the median of each figure over the rounds; errors are summed."""
    return Cell(
        requests_per_s=statistics.median(entry.requests_per_s for entry in rounds),
        p50_ms=statistics.median(entry.p50_ms for entry in rounds),
        p95_ms=statistics.median(entry.p95_ms for entry in rounds),
        p99_ms=statistics.median(entry.p99_ms for entry in rounds),
        errors=sum(entry.errors for entry in rounds),
        client_cores=statistics.median(entry.client_cores for entry in rounds),
    )


def median_overload(rounds: Sequence[Overload]) -> Overload:
    """Return the median of each rate and time over the rounds; counts are summed."""
    refused: Counter[str] = Counter()
    for entry in rounds:
        refused.update(entry.refused)
    return Overload(
        offered_per_s=statistics.median(entry.offered_per_s for entry in rounds),
        deadline_ms=rounds[0].deadline_ms,
        goodput_per_s=statistics.median(entry.goodput_per_s for entry in rounds),
        accepted_p99_ms=statistics.median(entry.accepted_p99_ms for entry in rounds),
        refused=dict(sorted(refused.items())),
        missed=sum(entry.missed for entry in rounds),
        client_lag_p99_ms=statistics.median(entry.client_lag_p99_ms for entry in rounds),
        client_cores=statistics.median(entry.client_cores for entry in rounds),
    )


def spread(values: Sequence[float]) -> float:
    """Return (highest - lowest) / median: how much rounds of the same thing differ."""
    return (max(values) - min(values)) / statistics.median(values)
