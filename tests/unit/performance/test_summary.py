"""From requests to figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.performance.serving.client import CLOSED, Exchange, Load
from tests.performance.serving.summary import (
    Cell,
    NothingAnsweredError,
    cell,
    median_cell,
    percentile,
    spread,
)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.01, 1), (0.50, 50), (0.95, 95), (0.99, 99), (0.991, 100), (1, 100)]
)
def test_nearest_rank(share: float, expected: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.001, 1))
def test_a_percentile_is_a_value_that_enough_do_not_exceed(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 0), ([1.0], 1.01)])
def test_what_has_no_percentile(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, share)


def exchange(latency: float, status: int = 200, request: int = 0) -> Exchange:
    return Exchange(1.0, 1.0, 1.0 + latency, status, request)


def test_a_cell_counts_only_what_was_answered() -> None:
    answers = [exchange(ms / 1e3, request=ms % 2) for ms in range(1, 101)]
    failed = [exchange(9, 503), exchange(9, CLOSED)]
    load = Load([*answers, *failed], started=0.0, seconds=4.0, client_cores=0.1)
    found = cell(load, tokens=[10, 30])
    assert found.requests_per_s == 25
    assert found.tokens_per_s == 25 * 20
    assert (found.p50_ms, found.p95_ms, found.p99_ms) == pytest.approx((50, 95, 99))
    assert found.errors == 2


def test_a_cell_without_an_answer_says_what_came_instead() -> None:
    load = Load([exchange(1, CLOSED)] * 2, started=0.0, seconds=1.0, client_cores=0.1)
    with pytest.raises(NothingAnsweredError, match=r"closed.*2"):
        cell(load, [1])


def test_rounds_become_medians_and_errors_become_sums() -> None:
    rounds = [
        Cell(rate, rate, rate, rate, rate, errors=1, client_cores=0.1) for rate in (5.0, 1.0, 3.0)
    ]
    assert median_cell(rounds) == Cell(3.0, 3.0, 3.0, 3.0, 3.0, errors=3, client_cores=0.1)


def test_spread_is_relative_to_the_median() -> None:
    assert spread([90.0, 100.0, 110.0]) == pytest.approx(0.2)
    assert spread([7.0]) == 0
