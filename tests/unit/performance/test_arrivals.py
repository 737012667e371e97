"""The schedule of the open loop."""

from __future__ import annotations

import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.performance.serving.arrivals import poisson


@given(rate=st.floats(0.1, 500), seconds=st.floats(0, 10), seed=st.integers())
def test_arrivals_ascend_within_the_time(rate: float, seconds: float, seed: int) -> None:
    times = poisson(rate, seconds, seed)
    assert times == sorted(times)
    assert all(0 <= time < seconds for time in times)
    assert times == poisson(rate, seconds, seed)


def test_gaps_are_exponential() -> None:
    times = poisson(rate=200, seconds=100)
    gaps = [after - before for before, after in pairwise(times)]
    assert len(times) == pytest.approx(20_000, rel=0.03)
    assert statistics.mean(gaps) == pytest.approx(1 / 200, rel=0.03)
    # An exponential's deviation is its mean; a metronome's would be 0.
    assert statistics.stdev(gaps) == pytest.approx(1 / 200, rel=0.05)


@pytest.mark.parametrize("rate", [0, -1])
def test_there_is_no_schedule_without_a_rate(rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        poisson(rate, 1)
