"""Counters and histograms in Prometheus' text format.

https://prometheus.io/docs/instrumenting/exposition_formats/ . For one thread: the event loop's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 3, 4, 8, 16, 32, 64)
SHARES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)


class Counter:
    """Counts for each combination of its labels' values."""

    def __init__(self, name: str, labels: Sequence[str], text: str) -> None:
        self._name, self._labels, self._text = name, labels, text
        self._counts: defaultdict[tuple[str, ...], int] = defaultdict(int)

    def add(self, *values: str) -> None:
        """Count one, with the labels' values in their order."""
        self._counts[values] += 1

    def lines(self) -> Iterator[str]:
        yield f"# HELP {self._name} {self._text}"
        yield f"# TYPE {self._name} counter"
        for values, count in sorted(self._counts.items()):
            pairs = zip(self._labels, values, strict=True)
            told = ",".join(f'{label}="{value}"' for label, value in pairs)
            yield f"{self._name}{{{told}}} {count}"


class Histogram:
    """How often values fell below each bound, for each model."""

    def __init__(self, name: str, bounds: Sequence[float], text: str) -> None:
        self._name, self._bounds, self._text = name, bounds, text
        self._counts: dict[str, list[int]] = {}
        self._sums: defaultdict[str, float] = defaultdict(float)

    def observe(self, model: str, value: float) -> None:
        counts = self._counts.get(model)
        if counts is None:
            counts = self._counts[model] = [0] * (len(self._bounds) + 1)
        counts[bisect_left(self._bounds, value)] += 1
        self._sums[model] += value

    def lines(self) -> Iterator[str]:
        yield f"# HELP {self._name} {self._text}"
        yield f"# TYPE {self._name} histogram"
        for model, counts in sorted(self._counts.items()):
            total = 0
            for bound, count in zip((*self._bounds, "+Inf"), counts, strict=True):
                total += count
                yield f'{self._name}_bucket{{model="{model}",le="{bound}"}} {total}'
            yield f'{self._name}_sum{{model="{model}"}} {self._sums[model]:.6f}'
            yield f'{self._name}_count{{model="{model}"}} {total}'


class Gauge:
    """A value that is read when somebody looks."""

    def __init__(self, name: str, text: str, read: Callable[[], float]) -> None:
        self._name, self._text, self._read = name, text, read

    def lines(self) -> Iterator[str]:
        yield f"# HELP {self._name} {self._text}"
        yield f"# TYPE {self._name} gauge"
        yield f"{self._name} {self._read():g}"


class ServerMetrics:
    """All that the server measures of itself."""

    def __init__(self) -> None:
        self.requests = Counter("serving_requests_total", ["status"], "Answers by HTTP status.")
        self.refusals = Counter(
            "serving_refusals_total", ["reason", "priority"], "Requests not taken on or lost."
        )
        self.queue_seconds = Histogram(
            "serving_queue_seconds", SECONDS, "From a request's arrival to its first run."
        )
        self.compute_seconds = Histogram("serving_compute_seconds", SECONDS, "One run of a model.")
        self.batch_size = Histogram("serving_batch_size", SIZES, "Sequences in one run.")
        self.padding_share = Histogram(
            "serving_padding_share", SHARES, "Share of a run's tokens that are padding."
        )
        self.gauges: list[Gauge] = []

    def text(self) -> str:
        """Return all of it, as a scraper reads it."""
        families: list[Counter | Histogram | Gauge] = [
            self.requests,
            self.refusals,
            self.queue_seconds,
            self.compute_seconds,
            self.batch_size,
            self.padding_share,
            *self.gauges,
        ]
        return "".join(f"{line}\n" for family in families for line in family.lines())
