"""Processes that share one Redis: each has connections of its own."""

from collections.abc import Awaitable, Callable

import pytest

from customerai.adapters.redis import RedisCache
from customerai.resilience.breaker import CircuitBreaker
from customerai_http.response_cache import ResponseCache
from tests.integration.redis.conftest import Open, opened, primary, replica
from tests.integration.redis.servers import Server

__all__ = ["opened", "primary", "replica"]

Start = Callable[..., Awaitable[RedisCache]]


@pytest.fixture
def start(opened: Open, primary: Server) -> Start:
    """Makes the cache of another process."""

    async def make(*urls: str, patience: float = 2.0, is_cold: bool = False) -> RedisCache:
        pools = opened(*(urls or (primary.url,)))
        if not is_cold:
            await pools.warm()
        breaker = CircuitBreaker("cache", minimum_calls=3, open_seconds=0.2)
        return RedisCache(pools, timeout=patience, breaker=breaker)

    return make


@pytest.fixture
async def processes(start: Start) -> list[ResponseCache]:
    return [ResponseCache(await start()) for _ in range(2)]
