"""The one line of a request, as CloudWatch reads it."""

import json

import pytest

from customerai.observability import cache_layers, gauges
from customerai.observability.request_line import write_request_line
from customerai.observability.telemetry import MetricUnit, metrics


@pytest.fixture(autouse=True)
def _nothing_else_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pools and caches of other tests in this process have told already, or never will."""
    monkeypatch.setattr(gauges, "drained", dict)
    cache_layers.drained()


def test_counts_are_metrics_and_the_rest_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    write_request_line(
        {"Requests": 1, "ServerErrors": 0, "RequestMilliseconds": 1.5},
        {"path": "/v1", "status": 200},
    )
    (text,) = capsys.readouterr().out.splitlines()
    line = json.loads(text)
    assert line["service"] == "test"
    assert (line["Requests"], line["RequestMilliseconds"]) == (1, 1.5)
    assert "ServerErrors" not in line
    assert (line["path"], line["status"]) == ("/v1", 200)
    (described,) = line["_aws"]["CloudWatchMetrics"]
    assert described == {
        "Namespace": "Test",
        "Dimensions": [["service"]],
        "Metrics": [
            {"Name": "Requests", "Unit": "Count"},
            {"Name": "RequestMilliseconds", "Unit": "Milliseconds"},
        ],
    }


def test_what_powertools_has_collected_meanwhile_is_written_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics.add_metric("StaticFallbacks", MetricUnit.Count, 1)
    write_request_line({"Requests": 1}, {})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum("StaticFallbacks" in line for line in lines) == 1
    write_request_line({"Requests": 1}, {})
    assert "StaticFallbacks" not in capsys.readouterr().out
