"""What a read takes of the store and of the client, by how much the tenant has.

Tenants of several sizes lie in dynoxide, whose capacity units are right. A million lies in canned
pages: what a client gets of such a tenant is a page, as of any other one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta

from tests.performance.api.bench import Bench, Deployment, Event, event, with_query
from tests.performance.api.canned import reads, world
from tests.performance.api.figures import Figure, Limit, MeasurementError, compared
from tests.performance.api.items import LATEST, Item, interactions
from tests.performance.api.meter import Meter, Reading
from tests.performance.api.parts import dynoxide, stub
from tests.performance.api.rounds import cpu, paired
from tests.performance.api.served import check_computed
from tests.performance.api.stored import database, tenant_of
from tests.performance.api.subject import OURS, SUBJECTS, Subject, started

UNITS = Limit("≤", 1.05)
CPU = Limit("≤", 1.25)

_MILLION = 1_000_000
_LIMIT = 50
_OLD = 500
"""Place of the interaction that is read, and of the end of the range that is listed."""

_QUERIES: Mapping[str, Mapping[str, str]] = {
    "list": {"limit": str(_LIMIT)},
    "list before": {
        "limit": str(_LIMIT),
        "to": (LATEST - _OLD * timedelta(minutes=7)).isoformat().replace("+00:00", "Z"),
    },
    "filter channel": {"limit": str(_LIMIT), "channel": "review"},
    "filter customer": {"limit": "20", "customer": "cust-0007"},
    "filter channel, sentiment": {"limit": "20", "channel": "review", "sentiment": "positive"},
}
_PROJECTED = ("pk", "id", "by_channel", "channel", "customer_id", "sentiment")
"""What the index of channels holds."""
_CANNED = ("list", "filter channel", "get")


def operations(tenant: str, stored: Sequence[Item]) -> dict[str, list[Event]]:
    """Each kind of read of a tenant."""
    listed = event("interactions_api/list.json", tenant=tenant)
    one = event("interactions_api/get.json", tenant=tenant)
    path = f"/v1/interactions/{stored[-1]['id']['S']}"
    one["requestContext"]["http"]["path"] = path
    return {name: [with_query(listed, query)] for name, query in _QUERIES.items()} | {
        "get": [one | {"rawPath": path}]
    }


def measure(bench: Bench) -> list[Figure]:
    """Read units and CPU of each read, beside those of the smallest tenant."""
    sizes = bench.plan.tenants
    stored = list(interactions(_OLD + 1))
    done = {size: operations(tenant_of(size), stored) for size in sizes}
    with ExitStack() as stack:
        services = stack.enter_context(stub(world(), bench.folder))
        deployment = Deployment(services.url, bench.folder)
        bench.say("growth: the database, which the first run makes")
        file = database(sizes, deployment)
        url = stack.enter_context(dynoxide(file, bench.folder))
        Deployment(services.url, bench.folder, url).create_tables()  # those that are not imported
        meter = stack.enter_context(Meter(url))
        named = {f"{name} {size}": each for size in sizes for name, each in done[size].items()}
        metered, timed = (
            _start(stack, bench, Deployment(services.url, bench.folder, where), label, named)
            for label, where in (("metered", meter.url), ("timed", url))
        )
        read: dict[str, Reading] = {}
        for operation in named:
            metered.answer(operation)  # the first call may find out more than the read
            meter.take()
            metered.answer(operation)
            read[operation] = meter.take()
            if not read[operation].units:
                raise MeasurementError(f"{operation} does not ask the store")
        pages = stack.enter_context(stub(_pages(stored), bench.folder))
        canned = _start(stack, bench, Deployment(pages.url, bench.folder), "canned", done[sizes[0]])
        figures: list[Figure] = []
        for name in done[sizes[0]]:
            entries = [(timed, f"{name} {size}") for size in sizes]
            if name in _CANNED:
                entries.append((canned, name))
            base, *others = map(cpu, paired(entries, bench.plan.rounds, bench.plan.seconds / 2))
            for entry in entries:
                check_computed(*entry)
            least = read[f"{name} {sizes[0]}"]
            figures += [_units(name, size, read[f"{name} {size}"], least) for size in sizes] + [
                compared(
                    f"growth: {name}, {size:,}, CPU",
                    values,
                    base,
                    "µs CPU",
                    CPU,
                    "canned pages" if size == _MILLION else f"beside {sizes[0]:,}",
                )
                for size, values in zip((*sizes[1:], _MILLION), others, strict=False)
            ]
            bench.say(f"growth: {name}")
    return figures


def _start(
    stack: ExitStack,
    bench: Bench,
    deployment: Deployment,
    name: str,
    events: Mapping[str, Sequence[Event]],
) -> Subject:
    environment = deployment.environment("interactions_api") | {
        "BENCH_EVENTS": bench.events(name, events),
        "BENCH_HANDLER": "functions.interactions_api.handler:handler",
    }
    code = SUBJECTS / "lambda_handler.py"
    return stack.enter_context(started(name, OURS, code, environment, bench.folder))


def _pages(stored: Sequence[Item]) -> dict[str, object]:
    """A page of a list and one of an index, after which there is more, and the same items where
    they are asked for by their keys."""
    review = {"channel": {"S": "review"}, "by_channel": {"S": "demo#0#review"}}
    page = [item | review for item in stored[: _LIMIT + 1]]
    projected = [{name: item[name] for name in _PROJECTED} for item in page]
    return {
        **reads(page, more=True),
        "BatchGetItem": reads(page[:_LIMIT])["BatchGetItem"],
        "Query by_channel": reads(projected, more=True)["Query"],
    }


def _units(name: str, size: int, reading: Reading, least: Reading) -> Figure:
    return Figure(
        f"growth: {name}, {size:,}, read units",
        reading.units,
        least.units,
        reading.units / least.units,
        "units",
        UNITS,
        f"{reading.calls} calls, {reading.scanned} items read for {reading.returned}",
    )
