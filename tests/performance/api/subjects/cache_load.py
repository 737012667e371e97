"""Reads and writes of a cache through a function's pools: nine reads to each write.

BENCH_CACHE and BENCH_CACHE_READER are the URLs of what is written and what is read. `load` is
`CALLS` calls one after the other, `gauges` what the pools tell, with the calls that failed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from customerai.adapters.redis import RedisCache
from customerai.adapters.redis.opened import pools_of
from customerai.event_loop import run

CALLS = 100
READS_A_WRITE = 9
_KEYS = [f"key:{number}" for number in range(50)]
_VALUE = b"v" * 1_000
_SECONDS = 3_600.0


def operations() -> dict[str, Callable[[], Any]]:
    """Of pools whose connections are made."""
    pools = pools_of(os.environ["BENCH_CACHE"], os.environ["BENCH_CACHE_READER"], "")
    cache = RedisCache(pools)

    async def begin() -> None:
        await pools.warm()
        await cache.set_many(dict.fromkeys(_KEYS, _VALUE), _SECONDS)

    async def load() -> None:
        for call in range(CALLS):
            key = _KEYS[call % len(_KEYS)]
            if call % (READS_A_WRITE + 1):
                await cache.get(key)
            else:
                await cache.set(key, _VALUE, _SECONDS)

    run(begin())
    return {
        "load": lambda: run(load()),
        "gauges": lambda: pools.gauges() | {"failures": cache.counts.failures},
    }
