"""From single requests to the figures of a closed loop."""

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
    tokens_per_s: float
    """Tokens of the texts that were answered."""

    errors: int
    """Requests with any other fate."""

    client_cores: float
    """CPU cores that the load client used."""


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


def cell(load: Load, tokens: Sequence[int]) -> Cell:
    """Summarise a closed loop.

    Args:
        load: what it saw.
        tokens: length of each of the run's requests.

    Raises:
        NothingAnsweredError: it has no answer.
    """
    answers = [entry for entry in load.exchanges if answered(entry)]
    if not answers:
        came = dict(fates(load.exchanges)) or "no request came to an end"
        raise NothingAnsweredError(f"no request was answered with 200: {came}")
    latencies = [entry.latency * 1e3 for entry in answers]
    return Cell(
        requests_per_s=len(answers) / load.seconds,
        p50_ms=percentile(latencies, 0.50),
        p95_ms=percentile(latencies, 0.95),
        p99_ms=percentile(latencies, 0.99),
        tokens_per_s=sum(tokens[entry.request] for entry in answers) / load.seconds,
        errors=len(load.exchanges) - len(answers),
        client_cores=load.client_cores,
    )


def fates(exchanges: Sequence[Exchange]) -> Counter[str]:
    """Count the requests without a 200 by status, `closed` or `unanswered`."""
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
        tokens_per_s=statistics.median(entry.tokens_per_s for entry in rounds),
        errors=sum(entry.errors for entry in rounds),
        client_cores=statistics.median(entry.client_cores for entry in rounds),
    )


def spread(values: Sequence[float]) -> float:
    """Return (highest - lowest) / median: how much rounds of the same thing differ."""
    return (max(values) - min(values)) / statistics.median(values)
