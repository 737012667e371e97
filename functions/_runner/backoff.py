"""How long to wait before something that failed is tried again."""

from __future__ import annotations

_MOST_DOUBLINGS = 30


def backoff(first: float, failures: int, longest: float) -> float:
    """Seconds: `first`, doubled by every failure up to `longest`; there may be any number."""
    return min(first * 2.0 ** min(failures, _MOST_DOUBLINGS), longest)
