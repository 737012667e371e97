"""A call over a connection that is kept, beside one that opens its own."""

from __future__ import annotations

from contextlib import ExitStack

from tests.performance.api.bench import Bench, Deployment
from tests.performance.api.canned import reads, stored
from tests.performance.api.certificates import self_signed
from tests.performance.api.figures import Figure, MeasurementError, compared
from tests.performance.api.parts import redis_server, stub
from tests.performance.api.rounds import cpu, paired, wall
from tests.performance.api.subject import OURS, SUBJECTS, Subject, started

_CHECKED = 5


def check(subject: Subject, pool: str) -> None:
    """Make sure that one way keeps its connection, and the other one opens one for each call.

    Raises:
        MeasurementError: it does not.
    """
    for way, expected in (("kept", 0), ("new", _CHECKED)):
        subject.run(f"{pool} {way}", 1)
        before = subject.answer(f"{pool} opened")
        subject.run(f"{pool} {way}", _CHECKED)
        opened = subject.answer(f"{pool} opened") - before
        if opened != expected:
            raise MeasurementError(f"{pool}, {way}: {opened} connections for {_CHECKED} calls")


def measure(bench: Bench) -> list[Figure]:
    """CPU and wall time of one read: of DynamoDB's stub, without and with TLS, and of Redis."""
    answers = reads([stored()])
    certificate = self_signed(bench.folder / "certificate.pem")
    figures: list[Figure] = []
    with ExitStack() as stack:
        plain = stack.enter_context(stub(answers, bench.folder))
        secure = stack.enter_context(stub(answers, bench.folder, certificate=certificate))
        redis = stack.enter_context(redis_server(bench.folder))
        environment = Deployment(plain.url, bench.folder).environment("interactions_api")
        tls = {"AWS_ENDPOINT_URL_DYNAMODB": secure.url, "AWS_CA_BUNDLE": str(certificate)}
        code = SUBJECTS / "pools.py"
        over_http, over_tls = (
            stack.enter_context(started(name, OURS, code, environment | more, bench.folder))
            for name, more in (("pools", {"BENCH_REDIS": redis.url}), ("pools over TLS", tls))
        )
        for label, subject, pool, note in (
            ("DynamoDB over HTTP", over_http, "aws", "GetItem of the stub"),
            ("DynamoDB over TLS", over_tls, "aws", "GetItem of the stub, P-256 certificate"),
            ("Redis", over_http, "redis", "GET of 1 KB"),
        ):
            check(subject, pool)
            entries = [(subject, f"{pool} {way}") for way in ("kept", "new")]
            kept, new = paired(entries, bench.plan.rounds, bench.plan.seconds / 2)
            note = f"{note}; a kept connection beside a new one for each call"
            figures += [
                compared(f"pools: {label}, CPU", cpu(kept), cpu(new), "µs CPU", note=note),
                compared(f"pools: {label}, wall", wall(kept), wall(new), "ms", note=note),
            ]
    return figures
