"""The report's shape, its ratios, and what a gate makes of them."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.performance.serving.report import assemble, write
from tests.performance.serving.results import Results, best
from tests.performance.serving.saturation import LengthClass, Overload
from tests.performance.serving.summary import Cell
from tests.performance.serving.tables import show
from tests.performance.serving.targets import TARGETS, verdicts

ABOUT: dict[str, Any] = {
    "model": "m-1",
    "machine": {"cores": 2, "processor": "Abacus 9"},
    "texts": {"median": 25, "p95": 90, "longest": 300},
    "options": {"concurrency": [1, 32]},
}
FAST, QUICK = "workers 2", "workers 1"


def measured(rate: float, p50: float = 10.0, p99: float = 30.0) -> Cell:
    return Cell(rate, p50, 20.0, p99, tokens_per_s=30 * rate, errors=0, client_cores=0.05)


def overloaded(**broken: int) -> Overload:
    return Overload(
        offered_per_s=1880.0,
        deadline_ms=1000.0,
        goodput_per_s=893.0,
        goodput_tokens_per_s=893.0 * 24,
        accepted_p99_ms=80.0,
        refused={"503": 900},
        broken=broken,
        late_by_intended=2,
        classes=[LengthClass(20, 900, 600, 290), LengthClass(300, 980, 400, 580)],
        client_lag_p99_ms=1.0,
        most_under_way=700,
        client_cores=0.1,
    )


def results() -> Results:
    found = Results(ceiling=[1000.0, 1040.0, 900.0], session=[1100.0, 1150.0, 1000.0])
    for rate in (900.0, 950.0, 940.0):
        found.add("ours", 1, measured(300.0, p50=3.0))
        found.add("ours", 32, measured(rate, p99=40.0))
    for name, rate, p99 in (("fastapi", 300.0, 200.0), ("litserve", 470.0, 100.0)):
        found.add(name, 1, measured(100.0, p50=4.0), QUICK)
        found.add(name, 32, measured(rate, p99=p99), FAST)
    found.overload.append(overloaded())
    found.absent["bentoml"] = "no such package"
    found.trouble.append("litserve failed once")
    return found


def test_the_report_has_the_agreed_shape(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "bench.json"
    write(assemble(results(), ABOUT), path)
    report = json.loads(path.read_text())
    assert report["ceiling_per_s"] == 1000
    assert set(report["ours"]) == {"1", "32"}
    assert set(report["peers"]) == {"fastapi", "litserve"}
    for cells in (report["ours"], *report["peers"].values()):
        for cell in cells.values():
            assert {"requests_per_s", "p50_ms", "p95_ms", "p99_ms"} <= set(cell)
    assert report["ours"]["32"]["requests_per_s"] == 940
    assert report["ours"]["32"]["spread"] == pytest.approx(50 / 940)
    assert report["rounds"]["requests_per_s"]["ours"]["32"] == [900, 950, 940]
    assert report["overload"]["refused"] == {"503": 900}
    assert report["session_run_per_s"] == 1100
    assert report["peers"]["fastapi"]["1"]["setting"] == QUICK
    assert report["peers"]["fastapi"]["32"]["setting"] == FAST
    assert report["peers_absent"] == {"bentoml": "no such package"}
    assert report["model"] == "m-1"


def test_ratios_are_of_the_figures_shown() -> None:
    assert assemble(results(), ABOUT)["ratios"] == {
        "ours_32_to_ceiling": pytest.approx(0.94),
        "ours_32_to_best_peer": pytest.approx(2.0),
        "p99_32_to_best_peer": pytest.approx(0.4),
        "p50_1_to_best_peer": pytest.approx(0.75),
        "goodput_to_peak": pytest.approx(0.95),
        "goodput_tokens_to_peak": pytest.approx(0.76),
        "broken_promises": 0,
        "client_lag_to_deadline": 0.001,
    }


def test_every_kind_of_broken_promise_counts() -> None:
    found = results()
    found.overload.append(overloaded(**{"504": 2}))
    found.overload.append(overloaded(late=1, closed=3))
    report = assemble(found, ABOUT)
    assert report["overload"]["broken"] == {"504": 2, "late": 1, "closed": 3}
    assert report["overload"]["late_by_sent"] == 1
    assert report["overload"]["late_by_intended"] == 6
    assert report["ratios"]["broken_promises"] == 6


def test_the_peak_may_lie_beyond_what_peers_are_measured_at() -> None:
    found = results()
    found.add("ours", 256, measured(1000.0))
    report = assemble(found, ABOUT)
    assert report["overload"]["peak_per_s"] == 1000
    assert report["overload"]["peak_tokens_per_s"] == 30_000
    assert set(report["ours"]) == {"1", "32"}
    assert set(report["ours_beyond"]) == {"256"}


def test_a_peer_is_shown_in_the_setting_that_is_best_for_each_concurrency() -> None:
    rounds = {
        FAST: [measured(200.0, p50=9.0), measured(10.0, p50=9.0), measured(210.0, p50=9.0)],
        QUICK: [measured(190.0, p50=5.0)] * 3,
    }
    assert best(rounds, 1) == QUICK
    assert best(rounds, 8) == FAST


def test_all_targets_can_be_met() -> None:
    assert all(entry["met"] for entry in assemble(results(), ABOUT)["targets"])


@pytest.mark.parametrize(
    ("name", "just_met", "just_missed"),
    [
        ("ours_32_to_ceiling", 0.9, 0.899),
        ("ours_32_to_best_peer", 1.4, 1.399),
        ("p99_32_to_best_peer", 0.999, 1.0),
        ("p50_1_to_best_peer", 1.0, 1.001),
        ("goodput_to_peak", 0.9, 0.899),
        ("broken_promises", 0, 1),
        ("client_lag_to_deadline", 0.05, 0.051),
    ],
)
def test_each_target_has_its_limit(name: str, just_met: float, just_missed: float) -> None:
    def met(value: float) -> bool:
        return next(entry.met for entry in verdicts({name: value}) if entry.target.name == name)

    assert met(just_met)
    assert not met(just_missed)


def test_what_was_not_measured_is_not_met() -> None:
    report = assemble(Results(), ABOUT)
    assert report["ratios"] == {}
    assert report["ceiling_per_s"] is None
    assert [entry["met"] for entry in report["targets"]] == [False] * len(TARGETS)


@pytest.mark.parametrize("found", [results(), Results(ceiling=[5.0]), Results()])
def test_a_report_can_be_shown_however_little_it_holds(found: Results) -> None:
    printed = StringIO()
    show(assemble(found, ABOUT), Console(file=printed, width=190))
    assert "Targets" in printed.getvalue()
    rows = [line for line in printed.getvalue().splitlines() if line.startswith("│")]
    assert rows
    assert all("m-1" in row and "Abacus 9 × 2" in row for row in rows)
    assert ("no such package" in printed.getvalue()) == ("bentoml" in found.absent)
