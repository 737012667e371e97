"""A primary, its replica, and pools that are closed after each test."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from customerai.adapters.redis import CachePools
from tests.integration.redis.servers import Server, wait_for

Open = Callable[..., CachePools]


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path) as server:
        yield server


@pytest.fixture
def replica(primary: Server, tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path, primary) as server:
        wait_for(server.is_linked)
        yield server


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Makes pools, which are closed in the end."""
    async with contextlib.AsyncExitStack() as stack:

        def make(*urls: str, **options: Any) -> CachePools:
            pools = CachePools(*urls, **options)
            stack.push_async_callback(pools.aclose)
            return pools

        yield make
