"""One line a request, log and metrics in one (CloudWatch's embedded metric format).

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

Powertools' writer checks and copies what never changes here, on every request; `make bench-api` has
what that costs. Whatever else is counted in between goes through Powertools, in a line of its own.
"""

import os
import sys
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from customerai.observability import cache_layers, gauges
from customerai.observability.telemetry import metrics

_encode = msgspec.json.Encoder().encode


def write_request_line(counts: Mapping[str, float], properties: Mapping[str, Any]) -> None:
    """Metrics of the service in ``counts``, less those that are zero; ``properties`` are logged.

    A name that ends in ``Milliseconds`` says its unit. What caches had, and how pools and breakers
    are, is told too.
    """
    measured = {name: value for name, value in counts.items() if value}
    measured |= cache_layers.drained() | gauges.drained()
    line = {
        "_aws": {
            "Timestamp": int(time.time() * 1_000),
            "CloudWatchMetrics": [_described(tuple(measured))],
        },
        "service": os.environ.get("POWERTOOLS_SERVICE_NAME"),
        **measured,
        **properties,
    }
    sys.stdout.write(_encode(line).decode() + "\n")
    if metrics.metric_set:
        metrics.flush_metrics()


@cache
def _described(names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "Namespace": os.environ.get("POWERTOOLS_METRICS_NAMESPACE"),
        "Dimensions": [["service"]],
        "Metrics": [
            {"Name": name, "Unit": "Milliseconds" if name.endswith("Milliseconds") else "Count"}
            for name in names
        ],
    }
