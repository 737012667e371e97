"""What is told of pools and breakers: gauges as they are, counters by what they grew."""

from collections.abc import Iterator
from typing import Any

import pytest

from customerai.observability import gauges
from customerai.resilience.breaker import State


@pytest.fixture
def values(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, float]]:
    for name in ("_sources", "_told"):
        monkeypatch.setattr(gauges, name, {})
    gauges._opened.clear()
    monkeypatch.setattr(gauges, "_told_at", float("-inf"))
    found: dict[str, float] = {}
    gauges.watch("store", lambda: found)
    yield found
    gauges._opened.clear()


def later(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(gauges, "_told_at", float("-inf"))
    return gauges.drained()


def test_gauges_as_they_are_and_counters_by_what_they_grew(
    values: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    values |= {"in_use": 3, "waits_total": 2, "replica_lag_milliseconds": 1.5}
    expected = {"StoreInUse": 3, "StoreWaits": 2, "StoreReplicaLagMilliseconds": 1.5}
    assert gauges.drained() == expected
    values["waits_total"] = 7
    assert later(monkeypatch) == expected | {"StoreWaits": 5}
    values["in_use"] = 0
    assert later(monkeypatch) == {"StoreReplicaLagMilliseconds": 1.5}


def test_once_a_second_and_nothing_gets_lost(
    values: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    values["waits_total"] = 1
    assert gauges.drained() == {"StoreWaits": 1}
    values["waits_total"] = 4
    assert gauges.drained() == {}
    assert later(monkeypatch) == {"StoreWaits": 3}


def test_how_often_a_breaker_opened(
    values: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = gauges.breaker_of("model")
    changed(State.CLOSED, State.OPEN)
    changed(State.OPEN, State.HALF_OPEN)
    changed(State.HALF_OPEN, State.OPEN)
    changed(State.OPEN, State.CLOSED)
    assert gauges.drained() == {"ModelBreakerOpened": 2}
    assert later(monkeypatch) == {}
