"""What each codec and level takes and gives, by the size of a body, and which one pays.

One pays where its CPU time and the time on the line of what is left are less together than the time
on the line of the whole body. The line is taken to have 50 Mbit/s.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from tests.performance.api.bench import Bench
from tests.performance.api.canned import reads
from tests.performance.api.figures import Figure, MeasurementError, compared
from tests.performance.api.items import interactions
from tests.performance.api.packages import COMPRESSORS, install
from tests.performance.api.rounds import cpu
from tests.performance.api.subject import OURS, SUBJECTS, Python, started
from tests.performance.api.subjects.serialization import stdlib

SIZES = (512, 1_024, 4_096, 16_384, 65_536, 262_144)
CODECS = tuple(
    f"{codec} {level}"
    for codec, levels in (("gzip", (1, 3, 6, 9)), ("brotli", (1, 4, 5)), ("zstd", (1, 3)))
    for level in levels
)
BASELINE = "gzip 6"
"""What a web server does unless told otherwise."""

_ITEMS = 220
_BYTES_PER_MICROSECOND = 50e6 / 8 / 1e6


@dataclass(frozen=True, slots=True)
class Compressed:
    """Microseconds of CPU, and bytes that are left."""

    micros: float
    size: int

    @property
    def total(self) -> float:
        """Microseconds until all of it is through the line."""
        return self.micros + self.size / _BYTES_PER_MICROSECOND


def paying(found: Mapping[str, Compressed], size: int, codec: str = "") -> str | None:
    """Which one of a codec's levels, or of all, gets a body of this size through soonest; None
    where that is the body as it is."""
    able = [name for name in found if name.startswith(codec)]
    best = min(able, key=lambda name: found[name].total)
    return best if found[best].total < Compressed(0.0, size).total else None


def measure(bench: Bench) -> list[Figure]:
    """CPU beside gzip's default, and what pays for each size."""
    body = bench.folder / "body.json"
    page = json.dumps(reads(list(interactions(_ITEMS)))["Query"]).encode()
    body.write_bytes(stdlib(page))
    if body.stat().st_size < SIZES[-1]:
        raise MeasurementError("the list is shorter than the longest body")
    python = Python(OURS.path, folders=(install("compressors", COMPRESSORS),))
    environment = {"BENCH_BODY": str(body), "BENCH_SIZES": ",".join(map(str, SIZES))}
    figures: list[Figure] = []
    with started(
        "compression", python, SUBJECTS / "compression.py", environment, bench.folder
    ) as subject:
        for size in SIZES:
            left = {name: subject.answer(f"{name} {size}") for name in CODECS}
            taken: dict[str, list[float]] = {name: [] for name in CODECS}
            for _ in range(bench.plan.rounds):
                for name in CODECS:
                    turn = subject.turn(f"{name} {size}", bench.plan.seconds / 8)
                    taken[name] += cpu([turn])
            figures += _figures(size, left, taken)
    return figures


def _figures(size: int, left: Mapping[str, int], taken: Mapping[str, list[float]]) -> list[Figure]:
    label = f"compression: {size / 1_024:g} KB"
    found = {name: Compressed(statistics.median(taken[name]), left[name]) for name in CODECS}
    best = paying(found, size, "gzip")
    chosen = found[best] if best else Compressed(0.0, size)
    plain = Compressed(0.0, size)
    return [
        compared(
            f"{label}, {name}",
            taken[name],
            taken[BASELINE],
            "µs CPU",
            note=f"{size / left[name]:.2f}× smaller, beside {BASELINE}",
        )
        for name in CODECS
    ] + [
        Figure(
            f"{label}, gzip that pays",
            chosen.total,
            plain.total,
            chosen.total / plain.total,
            "µs",
            note=f"{best or 'none'}; of all codecs {paying(found, size) or 'none'}; "
            "CPU and 50 Mbit/s, beside the plain body",
        )
    ]
