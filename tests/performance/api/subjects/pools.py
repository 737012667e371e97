"""One call over a kept connection, and one over a connection of its own.

The DynamoDB client asks where AWS_ENDPOINT_URL_DYNAMODB says; BENCH_REDIS is the URL of a Redis.
`kept` and `new` are the two ways; `opened` tells how many connections were made so far.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from customerai.adapters import aws
from customerai.adapters.redis.connections import Counts, Pool, client
from customerai.adapters.redis.pools import Limits
from customerai.event_loop import run

_REQUEST = {
    "TableName": "customerai-local-interactions",
    "Key": {"pk": {"S": "demo#0"}, "id": {"S": "01M7W4N5E0924WVJVAVMCY5BXV"}},
}
_KEY, _VALUE = "key", b"v" * 1_000
_LIMITS = Limits()


def operations() -> dict[str, Callable[[], Any]]:
    """Of both pools."""
    found = _aws()
    if url := os.environ.get("BENCH_REDIS"):
        found |= _redis(url)
    return found


def _aws() -> dict[str, Callable[[], Any]]:
    dynamodb = aws.dynamodb()

    async def call(*, kept: bool) -> None:
        await dynamodb.call("GetItem", _REQUEST)
        if not kept:
            dynamodb.pool.forget()

    return {
        "aws kept": lambda: run(call(kept=True)),
        "aws new": lambda: run(call(kept=False)),
        "aws opened": lambda: dynamodb.pool.gauges.opened,
    }


def _redis(url: str) -> dict[str, Callable[[], Any]]:
    counts = Counts()
    pool = Pool(
        url,
        counts,
        size=_LIMITS.size,
        connect=_LIMITS.connect,
        idle=_LIMITS.idle,
        patience=_LIMITS.patience,
    )
    redis = client(pool)

    async def store() -> None:
        await redis.set(_KEY, _VALUE)

    async def get(*, kept: bool) -> None:
        if await redis.get(_KEY) != _VALUE:
            raise ValueError("what was stored is not found")
        if not kept:
            await pool.drop()

    run(store())
    return {
        "redis kept": lambda: run(get(kept=True)),
        "redis new": lambda: run(get(kept=False)),
        "redis opened": lambda: counts.connects,
    }
