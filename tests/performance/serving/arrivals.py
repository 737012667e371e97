"""When the requests of an open loop are due."""

from __future__ import annotations

import random


def poisson(rate: float, seconds: float, seed: int = 1) -> list[float]:
    """Return the arrival times, seconds from 0, of a Poisson process.

    Args:
        rate: mean arrivals a second, above 0.
        seconds: length of the process; no arrival lies at or beyond it.
        seed: the same one gives the same times.

    Raises:
        ValueError: the rate is not above 0.
    """
    if rate <= 0:
        raise ValueError(f"rate: {rate} is not above 0")
    source = random.Random(seed)
    times: list[float] = []
    now = source.expovariate(rate)
    while now < seconds:
        times.append(now)
        now += source.expovariate(rate)
    return times
