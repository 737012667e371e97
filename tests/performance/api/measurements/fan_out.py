"""Many calls of a store that takes 5 ms for each: as a request fans them out, beside in a row."""

from __future__ import annotations

from tests.performance.api.bench import Bench, Deployment
from tests.performance.api.canned import world
from tests.performance.api.figures import Figure, compared
from tests.performance.api.measurements.batch_single import COUNT, writes
from tests.performance.api.parts import stub
from tests.performance.api.rounds import paired, wall
from tests.performance.api.subject import OURS, SUBJECTS, started

_DELAY_MS = 5.0


def measure(bench: Bench) -> list[Figure]:
    """Wall time of 100 puts."""
    parallel, serial = writes()
    with stub(world(), bench.folder, _DELAY_MS) as services:
        deployment = Deployment(services.url, bench.folder)
        environment = deployment.environment("interactions_api") | {
            "BENCH_EVENTS": bench.events("fan-out", {"parallel": parallel, "serial": serial}),
            "BENCH_HANDLER": "functions.interactions_api.handler:handler",
        }
        code = SUBJECTS / "lambda_handler.py"
        with started("fan-out", OURS, code, environment, bench.folder) as ours:
            entries = [(ours, "parallel"), (ours, "serial")]
            fanned, serially = paired(entries, bench.plan.rounds, bench.plan.seconds)
    note = f"{_DELAY_MS:g} ms a put; one request's fan-out, beside the same in a row"
    return [compared(f"fan-out: {COUNT} puts, wall", wall(fanned), wall(serially), "ms", note=note)]
