"""20 texts that were analysed before, beside 20 that nobody has seen, and a miss beside no cache.

What is found in the process, and what only Redis has, are told apart: for that more texts come
round than a process keeps.
"""

from __future__ import annotations

from contextlib import ExitStack

from redis import Redis

from tests.performance.api.bench import Bench, Event, event, with_body
from tests.performance.api.canned import model, reads, stored, writes
from tests.performance.api.figures import Figure, MeasurementError, compared
from tests.performance.api.items import texts
from tests.performance.api.measurements.cache import start
from tests.performance.api.parts import RedisServer, Stub, redis_server, stub
from tests.performance.api.rounds import cpu, paired, wall
from tests.performance.api.subject import Subject, Turn
from tests.performance.api.subjects.lambda_handler import AGAIN, FRESH, ROUND

TEXTS = 20
DELAY_MS = 30.0
"""Assumed of a model, for each call."""
_COUNTED = 10
_UNTIL_CONNECTED = 300
"""Calls after which there has to be a connection to Redis: the first ones begin to make it."""

_KEPT, _SHARED, _COLD, _WITHOUT = "in the process", "in Redis", "cold", "no cache"


def requests() -> dict[str, list[Event]]:
    """The same texts always, texts that come round, and new ones."""
    base = event("sentiment_api/analyse_batch.json")
    marks = {_KEPT: "", _SHARED: f" {AGAIN}", _COLD: f" {FRESH}"}
    return {
        name: [with_body(base, {"texts": [f"{text}{mark}" for text in texts(TEXTS)]})]
        for name, mark in marks.items()
    }


def measure(bench: Bench) -> list[Figure]:
    """Wall time, CPU and calls of the model, a request.

    Wall time where the model takes its time, CPU where it does not: a process that sleeps in
    between needs more of it for the same work.
    """
    slow, calls = _taken(bench, DELAY_MS)
    quick, _ = _taken(bench, 0.0)
    figures: list[Figure] = []
    for name, way, baseline, beside in (
        (_KEPT, _KEPT, _COLD, "texts that nobody has seen"),
        (_SHARED, _SHARED, _COLD, "texts that nobody has seen"),
        ("a miss", _COLD, _WITHOUT, "no cache"),
    ):
        label, note = f"prediction cache: {name}", f"{TEXTS} texts, beside {beside}; a model "
        figures += [
            compared(
                f"{label}, wall",
                wall(slow[way]),
                wall(slow[baseline]),
                "ms",
                note=f"{note}with an assumed {DELAY_MS:g} ms a call",
            ),
            compared(
                f"{label}, CPU",
                cpu(quick[way]),
                cpu(quick[baseline]),
                "µs CPU",
                note=f"{note}without delay",
            ),
        ]
    return figures + [
        Figure(
            f"prediction cache: {name}, calls of the model",
            calls[name] / _COUNTED,
            calls[_COLD] / _COUNTED,
            calls[name] / calls[_COLD],
            "calls",
            note=f"a request, over {_COUNTED} of them; beside texts that nobody has seen",
        )
        for name in (_KEPT, _SHARED)
    ]


def _taken(bench: Bench, delay_ms: float) -> tuple[dict[str, list[Turn]], dict[str, int]]:
    """Turns of each way, and calls of the model for some requests of those with a cache."""
    answer = model()
    answers = {
        **reads([stored()]),
        **writes(),
        "invocations": answer | {"results": answer["results"] * TEXTS},
    }
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(bench.folder))
        services = stack.enter_context(stub(answers, bench.folder, delay_ms))
        cached = start(stack, bench, services, "sentiment_api", requests(), redis.url)
        without = start(stack, bench, services, "sentiment_api", requests())
        _connect(cached, redis)
        cached.run(_SHARED, 2 * ROUND)
        cached.run(_KEPT, 2)
        calls = {name: _model_calls(services, cached, name) for name in requests()}
        for made in (calls[_COLD], _model_calls(services, without, _KEPT)):
            if made != _COUNTED:
                raise MeasurementError(f"{made} calls of the model for {_COUNTED} requests")
        entries = [(cached, name) for name in requests()] + [(without, _COLD)]
        turns = paired(entries, bench.plan.rounds, bench.plan.seconds / 2)
        return dict(zip((*requests(), _WITHOUT), turns, strict=True)), calls


def _connect(subject: Subject, redis: RedisServer) -> None:
    """Ask until something is kept in Redis. Raises MeasurementError where nothing ever is."""
    admin = Redis(port=redis.port)
    while not admin.dbsize():
        if subject.made > _UNTIL_CONNECTED:
            raise MeasurementError("no prediction is kept in Redis")
        subject.run(_COLD, _COUNTED)


def _model_calls(services: Stub, subject: Subject, operation: str) -> int:
    before = services.calls().get("invocations", 0)
    subject.run(operation, _COUNTED)
    return services.calls().get("invocations", 0) - before
