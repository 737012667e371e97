"""CPU of a request, from the gateway's event to the response, beside the usual stack's.

GET of one interaction, and a list of 100. Both read from the same stub, and must answer with the
same JSON first. Ours is measured as it is deployed, with the verdict that the gateway keeps of the
authorizer; strictly, with the authorizer asked on every call in the same process; and with a token
on every call that the authorizer has not seen for the last two thousand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from tests.performance.api.bench import Bench, Deployment, Event, event, with_query
from tests.performance.api.canned import reads, writes
from tests.performance.api.figures import Figure, Limit, MeasurementError, compared
from tests.performance.api.items import TENANT, interactions
from tests.performance.api.packages import USUAL_STACK, install
from tests.performance.api.parts import Stub, stub
from tests.performance.api.rounds import cpu, paired
from tests.performance.api.subject import HERE, OURS, SUBJECTS, Python, Subject, bare, started

TARGET = Limit("≤", 1 / 8)
HANDLER = SUBJECTS / "lambda_handler.py"

_GET, _LIST = "get", "list of 100"
_LISTED = 100
_CHECKED = 3
_TOKENS = 2_000


def usual_stack() -> Python:
    """The interpreter that has the usual stack's packages, and its function."""
    return bare(HERE / "naive", install("usual-stack", USUAL_STACK))


def usual_environment(deployment: Deployment) -> dict[str, str]:
    """What the usual stack's function gets: ours, and the authorizer's, and a cache."""
    return {
        **deployment.environment("authorizer"),
        **deployment.environment("interactions_api"),
        "REDIS_URL": "redis://127.0.0.1:6379/0",
    }


def requests(token: str) -> dict[str, list[Event]]:
    """The two operations."""
    listed = with_query(event("interactions_api/list.json", token=token), {"limit": str(_LISTED)})
    return {_GET: [event("interactions_api/get.json", token=token)], _LIST: [listed]}


def check(subjects: Sequence[Subject], operation: str, services: Stub) -> None:
    """Make sure that all answer alike, and that each call is answered by the store.

    Raises:
        MeasurementError: they don't, or one answers from what it kept.
    """
    expected: Any = None
    for subject in subjects:
        subject.answer(operation)  # the first call may read more than the others
        before = _store_calls(services)
        for _ in range(_CHECKED):
            found = _content(subject.answer(operation))
        if _store_calls(services) - before < _CHECKED:
            raise MeasurementError(f"{subject.name}, {operation}: does not ask the store each time")
        if expected is not None and found != expected:
            raise MeasurementError(
                f"{operation}: {subject.name} answers {str(found)[:700]}\n"
                f"and {subjects[0].name} {str(expected)[:700]}"
            )
        expected = found


def measure(bench: Bench) -> list[Figure]:
    """Ratios of CPU a call."""
    items = list(interactions(_LISTED))
    figures = []
    with ExitStack() as stack:
        services = stack.enter_context(stub({**reads(items), **writes()}, bench.folder))
        deployment = Deployment(services.url, bench.folder)
        events = bench.events("hot-path", requests(deployment.token(TENANT)))
        environment = deployment.environment("interactions_api")
        ours = environment | {
            "BENCH_EVENTS": events,
            "BENCH_HANDLER": "functions.interactions_api.handler:handler",
        }
        strict = (
            deployment.environment("authorizer")
            | ours
            | {"BENCH_AUTHORIZER": "functions.authorizer.handler:handler"}
        )
        tokens = bench.folder / "tokens.json"
        tokens.write_text(json.dumps(deployment.different_tokens(TENANT, _TOKENS)))
        fresh = strict | {"BENCH_TOKENS": str(tokens)}
        usual = usual_environment(deployment) | {
            "BENCH_EVENTS": events,
            "BENCH_HANDLER": "usual_function:handler",
        }
        subjects = [
            stack.enter_context(started(name, python, HANDLER, variables, bench.folder))
            for name, python, variables in (
                ("usual stack", usual_stack(), usual),
                ("deployed", OURS, ours),
                ("strict", OURS, strict),
                ("new tokens", OURS, fresh),
            )
        ]
        for operation in (_GET, _LIST):
            check(subjects, operation, services)
            bench.say(f"hot path, {operation}: same answers")
            entries = [(subject, operation) for subject in subjects]
            asked = _store_calls(services) - sum(subject.made for subject in subjects)
            turns = paired(entries, bench.plan.rounds, bench.plan.seconds)
            if _store_calls(services) - sum(subject.made for subject in subjects) < asked:
                raise MeasurementError(f"{operation}: not every call asked the store")
            baseline, *values = map(cpu, turns)
            figures += [
                compared(f"hot path: {operation}, {name}", value, baseline, "µs CPU", target, note)
                for (name, (target, note)), value in zip(_VARIANTS.items(), values, strict=True)
            ]
    return figures


_VARIANTS: Mapping[str, tuple[Limit | None, str]] = {
    "deployed": (TARGET, "the gateway keeps the authorizer's verdict"),
    "strict": (TARGET, "the authorizer is asked every time"),
    "new tokens": (None, "the authorizer is asked every time, each time with another token"),
}


def _store_calls(services: Stub) -> int:
    calls = services.calls()
    return sum(calls.get(operation, 0) for operation in ("GetItem", "Query", "BatchGetItem"))


def _content(answer: dict[str, Any]) -> Any:
    """The interaction, or those of a list without what the envelope says of its pages."""
    body = json.loads(answer["body"])
    return body.get("items", body)
