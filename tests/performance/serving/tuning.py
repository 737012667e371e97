"""Each peer at its best: which of its settings are measured, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.performance.serving.subjects import Subject

ALONE = 1
BUSY = 32
FINALISTS = 2
ALONE_SHARE = 2 / 3
"""Of the time for a sample at 32: a median needs fewer answers than a throughput."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a setting brought."""

    subject: Subject
    requests_per_s: float
    """At 32."""

    p50_ms: float
    """At 1."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """A server in one setting, and the concurrencies that it is measured at."""

    subject: Subject
    concurrency: tuple[int, ...]


def finalists(samples: Sequence[Sample]) -> list[Subject]:
    """Return what is worth measuring again: the two best by throughput and the two best by
    latency, most often three settings in all."""
    by_throughput = sorted(samples, key=lambda sample: -sample.requests_per_s)[:FINALISTS]
    by_latency = sorted(samples, key=lambda sample: sample.p50_ms)[:FINALISTS]
    named = {sample.subject.label: sample.subject for sample in (*by_throughput, *by_latency)}
    return list(named.values())


def entrants(samples: Sequence[Sample], concurrency: Sequence[int]) -> list[Entrant]:
    """Choose the setting with the highest throughput at 32 and the one with the lowest p50 at 1.

    The former is measured above 1 and the latter below 32. Between, where either may be better,
    both are; the report shows the better one.

    Args:
        samples: at least one; of the finalists, measured again, so that luck does not choose.
        concurrency: of the whole run.
    """
    fastest = max(samples, key=lambda sample: sample.requests_per_s).subject
    quickest = min(samples, key=lambda sample: sample.p50_ms).subject
    if fastest.label == quickest.label:
        return [Entrant(fastest, tuple(concurrency))]
    chosen = [
        Entrant(fastest, tuple(count for count in concurrency if count > ALONE)),
        Entrant(quickest, tuple(count for count in concurrency if count < BUSY)),
    ]
    return [entrant for entrant in chosen if entrant.concurrency]
