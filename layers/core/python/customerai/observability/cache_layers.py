"""What each layer of each cache had, for the metrics and for a plan that is being written."""

from collections import Counter
from enum import StrEnum

from customerai.observability.plan import current_plan


class Layer(StrEnum):
    PROCESS = "process"
    SHARED = "shared"


class Outcome(StrEnum):
    HIT = "hit"
    STALE = "stale"
    MISS = "miss"


_counts: Counter[tuple[str, Layer, Outcome]] = Counter()


def looked_up(cache: str, layer: Layer, outcome: Outcome, count: int = 1) -> None:
    """Count what a layer of ``cache`` had, or had not, for so many keys."""
    if count:
        _counts[cache, layer, outcome] += count
        plan = current_plan()
        if plan is not None:
            plan.cache(f"{cache.lower()}.{layer}", outcome, count)


def drained() -> dict[str, int]:
    """The counts since the last call, as metrics by names such as ``PredictionsSharedHit``.

    A layer's hit ratio over any period is hits (and stale ones) by all three outcomes. What did not
    happen is left out.
    """
    if not _counts:
        return {}
    counts = {f"{c}{la.capitalize()}{o.capitalize()}": n for (c, la, o), n in _counts.items()}
    _counts.clear()
    return counts
