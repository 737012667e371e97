"""From process start to the first response of each built bundle, beside the usual stack's.

Every start is a new process under Lambda's own runtime client, from bundles with bytecode whose
files are in the page cache. All functions take turns with the usual one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.performance.api.bench import Bench, Deployment, Event, event
from tests.performance.api.bundles import Bundle, build, lambda_environment
from tests.performance.api.canned import world
from tests.performance.api.figures import Figure, Limit, MeasurementError, compared
from tests.performance.api.items import TENANT
from tests.performance.api.measurements.hot_path import usual_environment
from tests.performance.api.packages import USUAL_STACK, compile_all, install, runtime_client
from tests.performance.api.parts import stub
from tests.performance.api.runtime import Start, first_response
from tests.performance.api.subject import HERE, bare
from tests.performance.serving.artifact import ROOT

_TARGETS = {True: Limit("≤", 0.6), False: Limit("≤", 0.4)}
"""By whether the function is one behind HTTP."""

_FIRST = {"interactions_api": "get", "rollup_stream": "stored"}
"""Which of its events a function gets; any other one gets the first by name."""


@dataclass(frozen=True, slots=True)
class Cold:
    """A function that can be started."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    event: Event
    timeout: float

    def start(self, logs: Path) -> Start:
        """One cold start. Raises MeasurementError where the event is not handled."""
        found = first_response(
            self.command,
            self.environment,
            self.folder,
            self.event,
            self.timeout,
            logs / f"{self.name}.log",
        )
        answer = found.answer or {}
        if answer.get("statusCode", 200) >= 400 or answer.get("batchItemFailures"):
            raise MeasurementError(f"{self.name} answers {answer}")
        return found


def measure(bench: Bench) -> list[Figure]:
    """Ratios of wall and CPU time for each function."""
    assembly = bench.folder / "assembly"
    bench.say("cold start: building the bundles")
    bundles = build(assembly)
    client = runtime_client(bench.folder / "runtime")
    with stub(world(), bench.folder) as services:
        deployment = Deployment(services.url, bench.folder, assembly=assembly)
        functions = [
            _usual(deployment, client),
            *(_ours(bundle, deployment, client) for bundle in bundles.values()),
        ]
        starts: dict[str, list[Start]] = {function.name: [] for function in functions}
        for index in range(-1, bench.plan.starts):
            for function in functions:
                found = function.start(bench.folder)
                if index >= 0:  # the first one fills the page cache
                    starts[function.name].append(found)
            bench.say(f"cold start: {index + 1}/{bench.plan.starts}")
    usual = starts.pop(functions[0].name)
    figures = []
    for name, own in starts.items():
        target = _TARGETS[bundles[name].http]
        for unit, field, held in (("ms", "wall", target), ("ms CPU", "cpu", None)):
            values, baselines = (
                [getattr(start, field) * 1e3 for start in each] for each in (own, usual)
            )
            label = f"cold start: {name}, {'CPU' if field == 'cpu' else 'wall'}"
            figures.append(compared(label, values, baselines, unit, held))
    return figures


def event_of(function: str, token: str) -> Event:
    """The event that a function gets first."""
    files = sorted((ROOT / "events" / function).glob("*.json"))
    name = _FIRST.get(function, files[0].stem)
    found = event(f"{function}/{name}.json")
    if "headers" in found:
        found["headers"]["authorization"] = f"Bearer {token}"
    return found


def _ours(bundle: Bundle, deployment: Deployment, client: Path) -> Cold:
    python = bundle.python(client)
    return Cold(
        bundle.name,
        (str(python.path), *python.options, "-m", "awslambdaric", bundle.handler),
        lambda_environment(
            python, bundle.task, bundle.handler, deployment.environment(bundle.name)
        ),
        bundle.task,
        event_of(bundle.name, deployment.token(TENANT)),
        deployment.application.functions[bundle.name].timeout,
    )


def _usual(deployment: Deployment, client: Path) -> Cold:
    handler = "usual_function.handler"
    task = deployment.folder / "usual"
    task.mkdir()
    (task / "usual_function.py").write_bytes((HERE / "naive" / "usual_function.py").read_bytes())
    compile_all(task)
    python = bare(task, install("usual-stack", USUAL_STACK), client)
    return Cold(
        "usual stack",
        (str(python.path), *python.options, "-m", "awslambdaric", handler),
        lambda_environment(python, task, handler, usual_environment(deployment)),
        task,
        event_of("interactions_api", deployment.token(TENANT)),
        deployment.application.functions["interactions_api"].timeout,
    )
