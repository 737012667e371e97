"""A list of a tenant on eight shards: what it reads, beside a whole page of each of them, and what
it takes, beside the same rows on one shard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from customerai.domain.shards import rendezvous
from tests.performance.api.bench import Bench, Deployment, event, with_query
from tests.performance.api.canned import INTERACTIONS_TABLE, world
from tests.performance.api.figures import Figure, Limit, MeasurementError, compared
from tests.performance.api.items import Item, interactions
from tests.performance.api.meter import Meter
from tests.performance.api.parts import dynoxide, stub
from tests.performance.api.rounds import cpu, paired
from tests.performance.api.served import check_computed
from tests.performance.api.stored import put
from tests.performance.api.subject import OURS, SUBJECTS, started

ITEMS_READ = Limit("≤", 0.35)

_SETTINGS_TABLE = "customerai-local-settings"
_COUNT = 1_000
_SHARDS = 8
_LIMITS = (20, 100)
_SPREAD, _SINGLE = "spread", "single"
_KEYS = ("pk", "by_customer", "by_channel", "by_sentiment")


def spread() -> Iterator[Item]:
    """A tenant's items, each where its id belongs."""
    for item in interactions(_COUNT, _SPREAD):
        shard = rendezvous(item["id"]["S"], _SHARDS)
        first, own = f"{_SPREAD}#0", f"{_SPREAD}#{shard}"
        yield item | {name: {"S": item[name]["S"].replace(first, own, 1)} for name in _KEYS}


def schedule() -> Item:
    """That there were as many shards before any of the items."""
    since = {"S": "2026-01-01T00:00:00+00:00"}
    raised = {"M": {"since": since, "count": {"N": str(_SHARDS)}}}
    return {
        "pk": {"S": _SPREAD},
        "sk": {"S": "shards"},
        "version": {"N": "1"},
        "raises": {"L": [raised]},
    }


def measure(bench: Bench) -> list[Figure]:
    """Items read, read units and CPU of a page."""
    listed = {
        f"{tenant} {limit}": [
            with_query(event("interactions_api/list.json", tenant=tenant), {"limit": str(limit)})
        ]
        for tenant in (_SPREAD, _SINGLE)
        for limit in _LIMITS
    }
    figures: list[Figure] = []
    with ExitStack() as stack:
        services = stack.enter_context(stub(world(), bench.folder))
        url = stack.enter_context(dynoxide(bench.folder / "sharded.db", bench.folder))
        Deployment(services.url, bench.folder, url).create_tables()
        put(url, INTERACTIONS_TABLE, [*spread(), *interactions(_COUNT, _SINGLE)])
        put(url, _SETTINGS_TABLE, [schedule()])
        meter = stack.enter_context(Meter(url))
        metered, timed = (
            stack.enter_context(
                started(
                    label,
                    OURS,
                    SUBJECTS / "lambda_handler.py",
                    Deployment(services.url, bench.folder, where).environment("interactions_api")
                    | {
                        "BENCH_EVENTS": bench.events(label, listed),
                        "BENCH_HANDLER": "functions.interactions_api.handler:handler",
                    },
                    bench.folder,
                )
            )
            for label, where in (("metered", meter.url), ("timed", url))
        )
        for limit in _LIMITS:
            read = {}
            for tenant in (_SPREAD, _SINGLE):
                metered.answer(f"{tenant} {limit}")  # the first call reads the tenant's shards too
                meter.take()
                metered.answer(f"{tenant} {limit}")
                read[tenant] = meter.take()
            found, beside = read[_SPREAD], read[_SINGLE]
            if found.calls < _SHARDS or not beside.units:
                raise MeasurementError("a list does not ask each shard")
            pages = _SHARDS * (limit + 1)
            entries = [(timed, f"{tenant} {limit}") for tenant in (_SPREAD, _SINGLE)]
            ours, single = map(cpu, paired(entries, bench.plan.rounds, bench.plan.seconds))
            for entry in entries:
                check_computed(*entry)
            name = f"sharded list: {limit} of {_SHARDS} shards"
            figures += [
                Figure(
                    f"{name}, items read",
                    found.scanned,
                    pages,
                    found.scanned / pages,
                    "items",
                    ITEMS_READ if limit == max(_LIMITS) else None,
                    f"{found.calls} calls; beside a page of each shard",
                ),
                Figure(
                    f"{name}, read units",
                    found.units,
                    beside.units,
                    found.units / beside.units,
                    "units",
                    note=_NOTE,
                ),
                compared(f"{name}, CPU", ours, single, "µs CPU", note=_NOTE),
            ]
            bench.say(name)
    return figures


_NOTE = "beside the same rows on one shard"
