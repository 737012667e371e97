"""Lists and summaries, whose answers are kept in Redis, beside the same functions without a cache.

Hot, all but the first in five seconds are answered from Redis. A miss is the worst that the cache
can do: every question is a new one. A Redis that hangs costs its time-out until the breaker opens,
and a probe from then on; one that nobody can reach costs an attempt at a connection every second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from tests.performance.api.bench import Bench, Deployment, Event, event, with_query
from tests.performance.api.canned import (
    INTERACTIONS_TABLE,
    ROLLUPS_TABLE,
    reads,
    stored,
    windows,
    writes,
)
from tests.performance.api.figures import Figure, compared
from tests.performance.api.items import Item, interactions
from tests.performance.api.meter import Meter, Reading
from tests.performance.api.parts import Stub, dynoxide, redis_server, stub
from tests.performance.api.rounds import cpu, paired, wall
from tests.performance.api.served import ask_until_kept, check_uncached
from tests.performance.api.stored import put
from tests.performance.api.subject import OURS, SUBJECTS, Subject, started
from tests.performance.api.subjects.lambda_handler import FRESH

DELAY_MS = 5.0
"""Assumed of a store in the same region, for each call."""
_LISTED = 100
_DAYS = 23
_METERED = 20
_UNTIL_OPEN = 20
"""Calls after which the breaker is open for sure."""

Operations = Mapping[str, Sequence[Event]]


def hot() -> dict[str, Operations]:
    """By function: what is asked again and again."""
    listed = with_query(event("interactions_api/list.json"), {"limit": str(_LISTED)})
    return {
        "interactions_api": {"list of 100": [listed]},
        "analytics_api": {"summary": [event("analytics_api/summary.json")]},
    }


def new() -> Operations:
    """What is never asked a second time."""
    before = f"2026-11-20T09:30:00.{FRESH}Z"
    listed = with_query(event("interactions_api/list.json"), {"limit": str(_LISTED), "to": before})
    return {"list of 100": [listed]}


def measure(bench: Bench) -> list[Figure]:
    """Wall time, CPU and read units of what is hot, and CPU of all that is not."""
    items = list(interactions(_LISTED))
    return [
        *_hot(bench, items, DELAY_MS),
        *_hot(bench, items, 0.0),
        *_units(bench, items),
        *_otherwise(bench, items),
    ]


def _hot(bench: Bench, items: Sequence[Item], delay_ms: float) -> list[Figure]:
    """Wall time where the store takes its time. CPU where it does not: a process that sleeps in
    between needs more of it for the same work."""
    figures: list[Figure] = []
    for function, operations in hot().items():
        with ExitStack() as stack:
            redis = stack.enter_context(redis_server(bench.folder))
            # One for each, so that their calls are told apart.
            asked, spared = (
                stack.enter_context(stub(_answers(items), bench.folder, delay_ms)) for _ in range(2)
            )
            without = start(stack, bench, asked, function, operations)
            cached = start(stack, bench, spared, function, operations, redis.url)
            for operation in operations:
                check_uncached(without, operation)
                ask_until_kept(cached, operation)
                made, called = cached.made, _store_calls(spared)
                entries = [(cached, operation), (without, operation)]
                kept, computed = paired(entries, bench.plan.rounds, bench.plan.seconds / 2)
                made, called = cached.made - made, _store_calls(spared) - called
                note = f"{called} calls of the store in {made} requests; beside no cache, a store "
                label = f"cache: {operation}, hot"
                if delay_ms:
                    note += f"with an assumed {delay_ms:g} ms a call"
                    figures.append(
                        compared(f"{label}, wall", wall(kept), wall(computed), "ms", note=note)
                    )
                else:
                    note += "without delay"
                    figures.append(
                        compared(f"{label}, CPU", cpu(kept), cpu(computed), "µs CPU", note=note)
                    )
                bench.say(f"{label}, {delay_ms:g} ms a call")
    return figures


def _units(bench: Bench, items: Sequence[Item]) -> list[Figure]:
    """Of dynoxide, whose capacity units are right."""
    figures: list[Figure] = []
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(bench.folder))
        services = stack.enter_context(stub(_answers(items), bench.folder))
        database = stack.enter_context(dynoxide(bench.folder / "cache.db", bench.folder))
        Deployment(services.url, bench.folder, database).create_tables()
        put(database, INTERACTIONS_TABLE, [*items, stored()])
        put(database, ROLLUPS_TABLE, windows(_DAYS))
        meter = stack.enter_context(Meter(database))
        for function, operations in hot().items():
            without = start(stack, bench, services, function, operations, database=meter.url)
            cached = start(
                stack, bench, services, function, operations, redis.url, database=meter.url
            )
            for operation in operations:
                check_uncached(without, operation)
                ask_until_kept(cached, operation)
                computed, kept = (_read(meter, each, operation) for each in (without, cached))
                figures.append(
                    Figure(
                        f"cache: {operation}, hot, read units",
                        kept.units / _METERED,
                        computed.units / _METERED,
                        kept.units / computed.units,
                        "units",
                        note=f"dynoxide; a request, over {_METERED} of them; beside no cache",
                    )
                )
    return figures


def _read(meter: Meter, subject: Subject, operation: str) -> Reading:
    meter.take()
    subject.run(operation, _METERED)
    return meter.take()


def _otherwise(bench: Bench, items: Sequence[Item]) -> list[Figure]:
    figures: list[Figure] = []
    operations = new()
    with ExitStack() as stack:
        services = stack.enter_context(stub(_answers(items), bench.folder))
        healthy, hanging = (stack.enter_context(redis_server(bench.folder)) for _ in range(2))
        function = "interactions_api"
        known = {"known": hot()[function]["list of 100"]}
        without = start(stack, bench, services, function, operations)
        missing = start(stack, bench, services, function, {**operations, **known}, healthy.url)
        left = start(stack, bench, services, function, {**operations, **known}, hanging.url)
        refused = start(stack, bench, services, function, operations, "redis://127.0.0.1:1")
        for subject in (missing, left):
            ask_until_kept(subject, "known")
        stack.enter_context(hanging.held())
        left.run("known", _UNTIL_OPEN)
        for operation in operations:
            check_uncached(without, operation)
            entries = [(each, operation) for each in (without, missing, left, refused)]
            turns = paired(entries, bench.plan.rounds, bench.plan.seconds / 2)
            figures += [
                compared(
                    f"cache: {operation}, {name}, CPU",
                    cpu(values),
                    cpu(turns[0]),
                    "µs CPU",
                    note=f"{note}; beside no cache, a store without delay",
                )
                for (name, note), values in zip(_OTHERWISE.items(), turns[1:], strict=True)
            ]
            bench.say(f"cache: {operation}, missed and without Redis")
    return figures


_OTHERWISE = {
    "a miss": "every question is new, and its answer kept",
    "Redis hangs": "the breaker is open, with a probe every few seconds",
    "Redis is not there": "no connection can be made",
}


def start(
    stack: ExitStack,
    bench: Bench,
    services: Stub,
    function: str,
    operations: Operations,
    cache: str | None = None,
    *,
    database: str | None = None,
) -> Subject:
    """Start a function with a cache, or as it were without one; it ends with the stack."""
    kind = "cached" if cache else "uncached"
    name = f"{function} {kind} {services.port} {(cache or '').rpartition(':')[2].partition('/')[0]}"
    deployment = (
        Deployment(services.url, bench.folder, database, cache)
        if cache
        else Deployment(services.url, bench.folder, database)
    )
    environment = deployment.environment(function) | {
        "BENCH_EVENTS": bench.events(name, operations),
        "BENCH_HANDLER": f"functions.{function}.handler:handler",
    }
    code = SUBJECTS / ("lambda_handler.py" if cache else "uncached_handler.py")
    return stack.enter_context(started(name, OURS, code, environment, bench.folder))


def _answers(items: Sequence[Item]) -> dict[str, object]:
    days = windows(_DAYS)
    page = {"Items": days, "Count": len(days), "ScannedCount": len(days)}
    return {**reads(items), **writes(), f"Query {ROLLUPS_TABLE}": page}


def _store_calls(services: Stub) -> int:
    return sum(services.calls().values())
