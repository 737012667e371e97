"""How connection pools and circuit breakers are, for the metrics.

A gauge is told as it is. A counter, whose name ends in ``_total``, is told by what it grew since it
was last told. Once a second is enough: what grows meanwhile is told the next time.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping

from customerai.resilience.breaker import State

Source = Callable[[], Mapping[str, float]]
_PAUSE_SECONDS = 1.0
_TOTAL = "_total"

_sources: dict[str, Source] = {}
_told: dict[str, float] = {}
_opened: Counter[str] = Counter()
_told_at = float("-inf")


def watch(part: str, source: Source) -> None:
    """Have the gauges of ``part`` told from now on; a part has one source, the last one."""
    _sources[part] = source


def breaker_of(part: str) -> Callable[[State, State], None]:
    """What a breaker of ``part`` is to call on a change: how often it opened is told."""

    def changed(_: State, new: State) -> None:
        _opened[f"{part}_breaker_opened{_TOTAL}"] += new is State.OPEN

    return changed


def drained() -> dict[str, float]:
    """Metrics by names such as ``DynamodbWaits``, less those that are zero."""
    global _told_at
    now = time.monotonic()
    if now - _told_at < _PAUSE_SECONDS:
        return {}
    _told_at = now
    values: dict[str, float] = dict(_opened)
    for part, source in _sources.items():
        values |= {f"{part}_{name}": value for name, value in source().items()}
    found: dict[str, float] = {}
    for name, value in values.items():
        told = value
        if name.endswith(_TOTAL):
            told, _told[name] = value - _told.get(name, 0), value
        if told > 0:
            found[_metric(name)] = told
    return found


def _metric(name: str) -> str:
    return "".join(part.capitalize() for part in name.removesuffix(_TOTAL).split("_"))
