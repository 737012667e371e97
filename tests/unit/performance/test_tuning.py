"""Peers are measured at their best."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.performance.serving.subjects import Subject, candidates, settings
from tests.performance.serving.tuning import Sample, entrants, finalists


def sample(workers: int, requests_per_s: float, p50_ms: float) -> Sample:
    return Sample(Subject("p", lambda port: [], {"workers": workers}), requests_per_s, p50_ms)


def test_two_by_throughput_and_two_by_latency_are_measured_again() -> None:
    samples = [sample(1, 90, 3), sample(2, 100, 9), sample(3, 95, 4), sample(4, 50, 8)]
    assert [subject.label for subject in finalists(samples)] == [
        *("workers 2", "workers 3", "workers 1"),
    ]
    assert len(finalists(samples[:1])) == 1


def test_each_concurrency_is_measured_in_the_setting_that_may_be_best_for_it() -> None:
    chosen = entrants([sample(1, 90, 3), sample(2, 100, 9)], (1, 8, 32, 128))
    assert [(entrant.subject.label, entrant.concurrency) for entrant in chosen] == [
        ("workers 2", (8, 32, 128)),
        ("workers 1", (1, 8)),
    ]


def test_a_setting_that_is_best_for_both_is_measured_everywhere() -> None:
    (chosen,) = entrants([sample(1, 90, 3), sample(2, 80, 9)], (1, 8, 32))
    assert (chosen.subject.label, chosen.concurrency) == ("workers 1", (1, 8, 32))


def test_a_setting_without_a_concurrency_of_its_own_is_not_started() -> None:
    (chosen,) = entrants([sample(1, 90, 3), sample(2, 100, 9)], (32,))
    assert chosen.subject.label == "workers 2"


@pytest.mark.parametrize("cores", [1, 2, 4])
@pytest.mark.parametrize("name", ["fastapi", "litserve", "bentoml"])
def test_settings_differ(name: str, cores: int) -> None:
    tried = candidates(name, Path("python"), Path("artifact"), cores)
    assert len({subject.label for subject in tried}) == len(tried) == len(settings(name, cores))


def test_bentoml_is_tried_with_more_than_one_call_at_once() -> None:
    tried = candidates("bentoml", Path("python"), Path("artifact"), 2)
    assert {subject.environment["BENCH_HANDLERS"] for subject in tried} >= {"1", "2", "4"}
