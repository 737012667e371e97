"""From a page of stored items to the bytes of a response, and MessagePack beside JSON."""

from __future__ import annotations

import json

from tests.performance.api.bench import Bench, Deployment
from tests.performance.api.canned import reads
from tests.performance.api.figures import Figure, MeasurementError, compared
from tests.performance.api.items import interactions
from tests.performance.api.rounds import cpu
from tests.performance.api.subject import OURS, SUBJECTS, started

_ITEMS = 100
_JSON, _MSGPACK = "encode json", "encode msgpack"


def measure(bench: Bench) -> list[Figure]:
    """CPU beside each peer's; size and CPU of MessagePack beside JSON's."""
    page = bench.folder / "page.json"
    page.write_text(json.dumps(reads(list(interactions(_ITEMS)))["Query"]), encoding="utf-8")
    environment = {
        **Deployment("http://127.0.0.1:1", bench.folder).environment("interactions_api"),
        "BENCH_PAGE": str(page),
    }
    code = SUBJECTS / "serialization.py"
    with started("serialization", OURS, code, environment, bench.folder) as subject:
        if not subject.answer("same"):
            raise MeasurementError("the serializers do not write the same JSON")
        ours = subject.answer("names")
        sizes = {name: subject.answer(name) for name in (*ours, _JSON, _MSGPACK)}
        taken: dict[str, list[float]] = {}
        for _ in range(bench.plan.rounds):
            for name in ("stdlib", "pydantic", *ours, _JSON, _MSGPACK):
                turn = subject.turn(name, bench.plan.seconds / 2)
                taken.setdefault(name, []).extend(cpu([turn]))
    smaller = Figure(
        "serialization: MessagePack to JSON, size",
        sizes[_MSGPACK],
        sizes[_JSON],
        sizes[_MSGPACK] / sizes[_JSON],
        "bytes",
        note=f"{_ITEMS} items",
    )
    return [
        compared(
            f"serialization: {name} to {peer}",
            taken[name],
            taken[peer],
            "µs CPU",
            note=f"{_ITEMS} items, stored bytes to {sizes[name]} bytes",
        )
        for name in ours
        for peer in ("stdlib", "pydantic")
    ] + [
        smaller,
        compared(
            "serialization: MessagePack to JSON, encoding",
            taken[_MSGPACK],
            taken[_JSON],
            "µs CPU",
            note="msgspec beside orjson, the same dictionaries",
        ),
    ]
