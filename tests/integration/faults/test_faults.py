"""Everything that can happen to a part, and what a client sees of it: all cells of one table.

The real handlers run in worker processes, against the real parts behind proxies. Everybody says
how long they wait; the bounds are so wide that only what hangs can miss them.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from itertools import takewhile

import pytest

from tests.conftest import ROOT
from tests.integration.faults import proxies
from tests.integration.faults.requests import TIMEOUT_MS, Client, Kind, Outcome
from tests.integration.faults.stack import Stack
from tests.integration.redis.servers import until

REDIS_SECONDS = 0.2
"""Later than anybody waits for the cache."""
MODEL_SECONDS = 3.0
"""Later than anybody waits for a live analysis."""
GENEROUS = 1.5
QUEUE_SECONDS = 15.0
"""The analysis of what is stored has two minutes, and nobody who waits."""
PATIENT_MS = 6_000
"""Longer than writes are tried again: the store refuses before the client goes."""
RECOVERED_SECONDS = 10.0
PASSES = 3
"""Of those that a breaker stands before: the last one finds it open."""

THROTTLED = proxies.answering(
    "400 Bad Request",
    {
        "__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException",
        "message": "Throughput exceeds the current capacity of your table or index.",
    },
    content_type="application/x-amz-json-1.0",
    x_amzn_requestid="REQUEST",
)
BROKEN = proxies.answering(
    "503 Service Unavailable",
    {"Message": "No instance of the endpoint is healthy."},
    content_type="application/json",
    x_amzn_errortype="ServiceUnavailable",
)

Happen = Callable[[Stack], AbstractAsyncContextManager[None]]
HAPPEN: Mapping[str, Happen] = {
    "Redis is down": lambda stack: proxies.down(stack.cache),
    "Redis hangs": lambda stack: proxies.hanging()(stack.cache),
    "Redis is slow": lambda stack: proxies.late(REDIS_SECONDS)(stack.cache),
    "Redis comes and goes": lambda stack: proxies.flapping(stack.cache),
    "DynamoDB throttles": lambda stack: THROTTLED(stack.store),
    "DynamoDB does not answer": lambda stack: proxies.hanging()(stack.store),
    "The endpoint answers 5xx": lambda stack: BROKEN(stack.model),
    "The endpoint is slow": lambda stack: proxies.late(MODEL_SECONDS)(stack.model),
    "The endpoint is starting": lambda stack: proxies.down(stack.model),
}

WELL, UNAVAILABLE = Outcome.WELL, Outcome.UNAVAILABLE
NO_STORE: dict[Kind, Outcome] = {
    Kind.KEPT: WELL,
    Kind.GET: UNAVAILABLE,
    Kind.LIST: UNAVAILABLE,
    Kind.POST: UNAVAILABLE,
    Kind.BATCH: Outcome.EACH_UNAVAILABLE,
    Kind.DELETE: UNAVAILABLE,
    Kind.DELETED: UNAVAILABLE,
    Kind.SUMMARY: UNAVAILABLE,
    Kind.TAXONOMY: UNAVAILABLE,
    Kind.SENTIMENT: WELL,
    Kind.TOPICS: UNAVAILABLE,
    Kind.ANALYSIS: Outcome.NAMED_AS_FAILED,
}
SILENT_STORE: dict[Kind, Outcome] = {
    kind: {
        UNAVAILABLE: Outcome.EXCEEDED,
        Outcome.EACH_UNAVAILABLE: Outcome.EACH_EXCEEDED,
    }.get(outcome, outcome)
    for kind, outcome in NO_STORE.items()
} | {Kind.TOPICS: UNAVAILABLE}
"""Everybody waits as long as he said, but for what leaves the store alone before that."""
ALL_WELL: dict[Kind, Outcome] = dict.fromkeys(Kind, WELL)
NO_MODEL: dict[Kind, Outcome] = ALL_WELL | {
    Kind.SENTIMENT: Outcome.DEGRADED,
    Kind.TOPICS: Outcome.DEGRADED,
    Kind.ANALYSIS: Outcome.NAMED_AS_FAILED,
}
MATRIX: Mapping[str, Mapping[Kind, Outcome]] = {
    "Redis is down": ALL_WELL,
    "Redis hangs": ALL_WELL,
    "Redis is slow": ALL_WELL,
    "Redis comes and goes": ALL_WELL,
    "DynamoDB throttles": NO_STORE,
    "DynamoDB does not answer": SILENT_STORE,
    "The endpoint answers 5xx": NO_MODEL,
    "The endpoint is slow": NO_MODEL | {Kind.ANALYSIS: WELL},
    "The endpoint is starting": NO_MODEL,
}


async def differing(
    client: Client, expected: Mapping[Kind, Outcome]
) -> dict[Kind, tuple[str, float]]:
    """What comes out otherwise, or so late that nobody would have waited for it."""

    def limit(kind: Kind) -> float:
        return QUEUE_SECONDS if kind is Kind.ANALYSIS else client.timeout_ms / 1_000 + GENEROUS

    return {
        kind: (outcome, seconds)
        for kind, (outcome, seconds) in (await client.outcomes()).items()
        if outcome != expected[kind] or seconds > limit(kind)
    }


async def recover(client: Client) -> None:
    """Every kind of request works again, and goes on to."""

    async def is_well(kind: Kind) -> bool:
        return await client.outcome(kind) == Outcome.WELL

    for kind in Kind:
        await until(partial(is_well, kind), RECOVERED_SECONDS)
    assert await differing(client, ALL_WELL) == {}


@pytest.mark.parametrize("fault", MATRIX)
async def test_what_clients_see(stack: Stack, fault: str) -> None:
    client = Client(stack, PATIENT_MS if fault == "DynamoDB throttles" else TIMEOUT_MS)
    await client.store_some()
    await recover(client)  # a first request finds nothing opened yet, and a cold process
    async with HAPPEN[fault](stack):
        for _ in range(1 if fault.startswith("DynamoDB") else PASSES):
            assert await differing(client, MATRIX[fault]) == {}
    await recover(client)


def test_the_documented_table_is_this_one() -> None:
    lines = (ROOT / "docs" / "faults.md").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| What"))
    table = takewhile(lambda line: line.startswith("|"), lines[start:])
    columns = zip(
        *([cell.strip() for cell in line.strip("|").split("|")] for line in table), strict=True
    )
    (_, _, *kinds), *faults = columns
    documented = {
        fault: dict(zip(kinds, cells, strict=True))
        for names, _, *cells in faults
        for fault in names.split(" / ")
    }
    assert documented == MATRIX
