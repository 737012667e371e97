"""What a run makes of servers that fail; nothing is started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from tests.performance.serving import client, environments
from tests.performance.serving.artifact import Artifact
from tests.performance.serving.bench import Bench
from tests.performance.serving.client import Exchange, Load
from tests.performance.serving.plan import Plan
from tests.performance.serving.processes import ServerError
from tests.performance.serving.subjects import Subject

TUNED = Plan(only=("fastapi",), concurrency=(1, 8, 32), rounds=3)
OURS = Plan(only=("ours",), concurrency=(1, 32), beyond=(256,), rounds=2)


class Machine:
    """Servers that answer as fast as is written here."""

    def __init__(self) -> None:
        self.rates: dict[str, float] = {}
        """Requests a second of each setting; those that are missing do not start."""
        self.starts: list[str] = []
        self.fails_at: set[int] = set()
        """Which starts fail, counted from 0."""
        self.serving = ""
        self.most_under_way = 10

    @contextmanager
    def serve(self, bench: Bench, subject: Subject) -> Iterator[int]:
        self.starts.append(subject.label)
        if subject.label not in self.rates or len(self.starts) - 1 in self.fails_at:
            raise ServerError("it ended")
        self.serving = subject.label
        yield 1

    def closed_loop(
        self, connect: object, requests: object, concurrency: int, seconds: float, *_: float
    ) -> Load:
        rate = self.rates[self.serving] * (1 if concurrency < 256 else 2)
        return Load([Exchange(0, 0, 1 / rate, 200)] * int(rate * seconds), 0, seconds, 0.1)

    def open_loop(self, connect: object, requests: object, *_: object, **__: object) -> Load:
        return Load([Exchange(0, 0, 0.1, 200)] * 10, 0, 1.0, 0.1, self.most_under_way)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine()
    monkeypatch.setattr(Bench, "_serve", lambda bench, subject: found.serve(bench, subject))
    monkeypatch.setattr(client, "closed_loop", found.closed_loop)
    monkeypatch.setattr(client, "open_loop", found.open_loop)
    monkeypatch.setattr(client, "most_connections", lambda: 100)
    monkeypatch.setattr(environments, "prepare", lambda name: Path("python"))
    monkeypatch.setattr("tests.performance.serving.machine.cores", lambda: 2)
    return found


def bench(plan: Plan) -> Bench:
    artifact = Artifact(Path("nowhere"), "m-1", ("bad", "good"), 128)
    return Bench(plan, artifact, ["Fine."], [4], Console(quiet=True))


FAST, SLOW = "workers 2, threads 1", "workers 1, threads 0"


def test_finalists_are_measured_twice_and_the_best_goes_into_every_round(
    machine: Machine,
) -> None:
    machine.rates = {FAST: 200.0, SLOW: 100.0, "workers 1, threads 1": 150.0}
    run = bench(TUNED)
    run.run()
    # Four are tried, two again; the fastest is the quickest too and is measured in each round.
    assert machine.starts[4:] == [FAST, "workers 1, threads 1", FAST, FAST, FAST]
    assert set(run.results.cells["fastapi"]) == {1, 8, 32}
    assert run.results.settings["fastapi"] == [
        {"setting": {"workers": 2, "threads": 1}, "measured_at": [1, 8, 32]}
    ]
    assert not run.results.absent


def test_a_peer_that_fails_in_one_round_stays_in_the_comparison(machine: Machine) -> None:
    machine.rates = {FAST: 200.0}
    machine.fails_at = {6}  # the second round: four are tried, one again
    run = bench(TUNED)
    run.run()
    assert len(run.results.cells["fastapi"][32][FAST]) == 2
    assert not run.results.absent
    assert "round 2/3: fastapi" in run.results.trouble[0]


def test_a_peer_that_never_starts_is_absent(machine: Machine) -> None:
    run = bench(TUNED)
    run.run()
    assert run.results.absent == {"fastapi": "it ended"}
    assert "fastapi" not in run.results.cells


def test_the_peak_is_sought_beyond_the_common_concurrencies(machine: Machine) -> None:
    machine.rates = {"": 100.0}
    run = bench(OURS)
    run.run()
    assert run.results.peak().requests_per_s == 200
    assert len(run.results.overload) == 2
    assert run.results.failed is None


def test_a_client_at_its_limit_fails_the_run(machine: Machine) -> None:
    machine.rates, machine.most_under_way = {"": 100.0}, 100
    run = bench(OURS)
    run.run()
    assert run.results.failed is not None
    assert "ulimit -n" in run.results.failed
    assert not run.results.overload
    assert run.results.cells["ours"]
