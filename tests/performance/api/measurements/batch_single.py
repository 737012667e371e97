"""100 interactions in one request, beside 100 requests, against a real database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.performance.api.bench import Bench, Deployment, Event, event, with_body, with_query
from tests.performance.api.canned import INTERACTIONS_TABLE, world
from tests.performance.api.figures import Figure, MeasurementError, compared
from tests.performance.api.items import Item, interactions, new_interactions
from tests.performance.api.parts import dynoxide, stub
from tests.performance.api.rounds import cpu, paired, wall
from tests.performance.api.stored import put
from tests.performance.api.subject import OURS, SUBJECTS, Subject, Turn, started

COUNT = 100
WAYS = ("batch", "single")

Pair = tuple[list[Event], list[Event]]
"""The events of a batch, and those of the same one by one."""


def writes() -> Pair:
    """Interactions stored by one batch, and one by one."""
    new = new_interactions(COUNT)
    batch, single = (
        event("interactions_api/create_batch.json"),
        event("interactions_api/create.json"),
    )
    for each in (batch, single):
        each["headers"].pop("idempotency-key", None)  # a repeated key would store nothing
    return [with_body(batch, {"items": new})], [with_body(single, body) for body in new]


def of_stored(items: Sequence[Item], batch: str, single: str) -> Pair:
    """Requests that name these items, from the events of these files."""
    ids = [item["id"]["S"] for item in items]
    one = event(f"interactions_api/{single}.json")
    return (
        [with_query(event(f"interactions_api/{batch}.json"), {"ids": ",".join(ids)})],
        [_at(one, f"/v1/interactions/{each}") for each in ids],
    )


def check(answer: dict[str, Any], status: int) -> None:
    """Make sure that each item of a batch has this outcome.

    Raises:
        MeasurementError: one has another.
    """
    found = {result["status"] for result in json.loads(answer["body"])["results"]}
    if found != {status}:
        raise MeasurementError(f"a batch has results of status {sorted(found)}")


def measure(bench: Bench) -> list[Figure]:
    """CPU and wall time of a batch, beside the same one by one."""
    kept, removed = list(interactions(COUNT)), list(interactions(COUNT, "another"))
    done = {
        "writes": writes(),
        "reads": of_stored(kept, "get_batch", "get"),
        "deletes": of_stored(removed, "delete_batch", "delete"),
    }
    for each in done["deletes"]:
        for one in each:
            one["requestContext"]["authorizer"]["lambda"]["tenant"] = "another"
    operations = {
        f"{name}, {way}": events
        for name, both in done.items()
        for way, events in zip(WAYS, both, strict=True)
    }
    with (
        stub(world(), bench.folder) as services,
        dynoxide(bench.folder / "batch.db", bench.folder) as database,
    ):
        deployment = Deployment(services.url, bench.folder, database)
        deployment.create_tables()
        put(database, INTERACTIONS_TABLE, kept)
        environment = deployment.environment("interactions_api") | {
            "BENCH_EVENTS": bench.events("batch", operations),
            "BENCH_HANDLER": "functions.interactions_api.handler:handler",
        }
        code = SUBJECTS / "lambda_handler.py"
        with started("batch", OURS, code, environment, bench.folder) as ours:
            check(ours.answer("writes, batch"), 201)
            check(ours.answer("reads, batch"), 200)
            turns = {
                name: paired(
                    [(ours, f"{name}, {way}") for way in WAYS],
                    bench.plan.rounds,
                    bench.plan.seconds,
                )
                for name in ("writes", "reads")
            }
            turns["deletes"] = _deleted(ours, database, removed, bench.plan.rounds // 2)
    return [
        compared(
            f"batch/single: {COUNT} {name}, {label}", take(batch), take(single), unit, note=_NOTE
        )
        for name, (batch, single) in turns.items()
        for label, take, unit in (("CPU", cpu, "µs CPU"), ("wall", wall, "ms"))
    ]


def _deleted(ours: Subject, database: str, items: Sequence[Item], rounds: int) -> list[list[Turn]]:
    """Turns of one call, before each of which the items are put again: that makes them long."""
    put(database, INTERACTIONS_TABLE, items)
    check(ours.answer("deletes, batch"), 204)
    turns: list[list[Turn]] = [[], []]
    for index in range(rounds):
        for place in (index % 2, 1 - index % 2):
            put(database, INTERACTIONS_TABLE, items)
            turns[place].append(ours.run(f"deletes, {WAYS[place]}", 1))
    return turns


def _at(base: Event, path: str) -> Event:
    context = base["requestContext"]
    told = context | {"http": context["http"] | {"path": path}}
    return base | {"rawPath": path, "requestContext": told}


_NOTE = "dynoxide; for all of them, beside one request each"
