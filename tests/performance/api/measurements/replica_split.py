"""The same load on a primary and its replica: reads from the replica, beside all from the primary.

Both ways write to the primary, which passes every write on to the replica.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from redis import Redis

from tests.performance.api.bench import Bench
from tests.performance.api.figures import Figure, MeasurementError, compared
from tests.performance.api.parts import RedisServer, redis_server
from tests.performance.api.rounds import cpu
from tests.performance.api.subject import OURS, SUBJECTS, Subject, Turn, started
from tests.performance.api.subjects.cache_load import CALLS, READS_A_WRITE

_LOADS_A_SECOND = 50
"""About as many as a process gets done."""
_LINK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Work:
    """What a server has done: reads, and microseconds of CPU of its whole process."""

    reads: int
    micros: float

    def since(self, before: Work) -> Work:
        return Work(self.reads - before.reads, self.micros - before.micros)


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of a client, and what each server did meanwhile."""

    turn: Turn
    primary: Work
    replica: Work


class Server:
    """A Redis server that is asked what it has done."""

    def __init__(self, server: RedisServer) -> None:
        self._admin: Any = Redis(port=server.port)

    def work(self) -> Work:
        used = self._admin.info("cpu")
        reads = self._admin.info("commandstats").get("cmdstat_get", {})
        seconds = used["used_cpu_user"] + used["used_cpu_sys"]
        return Work(int(reads.get("calls", 0)), float(seconds) * 1e6)

    def await_link(self) -> None:
        """Raises MeasurementError where a replica does not find its primary."""
        end = time.monotonic() + _LINK_SECONDS
        while self._admin.info("replication").get("master_link_status") != "up":
            if time.monotonic() > end:
                raise MeasurementError("the replica does not find its primary")
            time.sleep(0.02)


def measure(bench: Bench) -> list[Figure]:
    """Reads and CPU that the primary bears, CPU of both servers and of the client, and the lag."""
    with ExitStack() as stack:
        first = stack.enter_context(redis_server(bench.folder))
        second = stack.enter_context(redis_server(bench.folder, first))
        primary, replica = Server(first), Server(second)
        replica.await_link()
        split, alone = (
            stack.enter_context(
                started(
                    name,
                    OURS,
                    SUBJECTS / "cache_load.py",
                    {"BENCH_CACHE": first.url, "BENCH_CACHE_READER": reader.url},
                    bench.folder,
                )
            )
            for name, reader in (("split", second), ("alone", first))
        )
        loads = max(1, round(bench.plan.seconds * _LOADS_A_SECOND))
        rounds: dict[str, list[Round]] = {"split": [], "alone": []}
        lags: list[float] = []
        for index in range(-1, bench.plan.rounds):
            for subject in (split, alone) if index % 2 else (alone, split):
                found = _round(subject, loads, primary, replica)
                if index >= 0:  # the first one warms up
                    rounds[subject.name].append(found)
            lags.append(split.answer("gauges").get("replica_lag_ms", 0.0))
        told = split.answer("gauges"), alone.answer("gauges")
    note = (
        f"{READS_A_WRITE} reads to a write, {loads * CALLS} calls a round; "
        f"{told[0]['replica_failures']:g} reads that the replica did not answer in time"
    )
    return [*compare(rounds["split"], rounds["alone"], loads * CALLS, note), _lag(lags)]


def _round(subject: Subject, loads: int, primary: Server, replica: Server) -> Round:
    before = primary.work(), replica.work()
    turn = subject.run("load", loads)
    after = primary.work(), replica.work()
    failures = subject.answer("gauges")["failures"]
    if failures > loads:
        raise MeasurementError(f"{subject.name}: {failures} calls failed")
    return Round(turn, after[0].since(before[0]), after[1].since(before[1]))


def compare(split: Sequence[Round], alone: Sequence[Round], calls: int, note: str) -> list[Figure]:
    """Figures of rounds of so many calls: reads from the replica, and all from the primary."""
    figures = []
    for name, unit, take in (
        ("reads of the primary", "reads", lambda each: each.primary.reads),
        ("CPU of the primary, a call", "µs CPU", lambda each: each.primary.micros / calls),
        (
            "CPU of both servers, a call",
            "µs CPU",
            lambda each: (each.primary.micros + each.replica.micros) / calls,
        ),
        ("CPU of the client, a call", "µs CPU", lambda each: cpu([each.turn])[0] / CALLS),
    ):
        values, baselines = ([float(take(each)) for each in way] for way in (split, alone))
        beside = "reads from the replica, beside all from the primary"
        figures.append(
            compared(f"replica split: {name}", values, baselines, unit, note=f"{beside}; {note}")
        )
    return figures


def _lag(lags: list[float]) -> Figure:
    return Figure(
        "replica split: lag of the replica",
        statistics.median(lags),
        None,
        None,
        "ms",
        note=f"as the pools measure it, up to {max(lags):.3g}; looked at {len(lags)} times",
    )
