"""Every measurement. To add one: its module in `measurements`, and a line here.

A module has `measure(bench) -> list[Figure]`, which may raise MeasurementError.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from tests.performance.api.bench import Bench
from tests.performance.api.figures import Figure

MEASUREMENTS: Mapping[str, str] = {
    "hot-path": "hot_path",
    "cold-start": "cold_start",
    "serialization": "serialization",
    "compression": "compression",
    "batch-single": "batch_single",
    "fan-out": "fan_out",
    "pools": "pools",
    "replica-split": "replica_split",
    "cache": "cache",
    "prediction-cache": "prediction_cache",
    "growth": "growth",
    "sharded-list": "sharded_list",
}
"""What each is called on the command line, and its module."""


def measurement(name: str) -> Callable[[Bench], list[Figure]]:
    """Import a measurement; only then does it need what it needs."""
    module = importlib.import_module(f"tests.performance.api.measurements.{MEASUREMENTS[name]}")
    measure: Callable[[Bench], list[Figure]] = module.measure
    return measure
