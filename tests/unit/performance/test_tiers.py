"""What a text costs in each tier."""

from __future__ import annotations

import pytest

from tests.performance.tiers import costs

VERSIONS = {"full": "f-1", "fast": "q-1", "static": "s-1"}


def test_ratios_are_those_of_tiers_measured_next_to_each_other() -> None:
    """The machine is twice as slow in the second round, for all tiers alike."""
    found = costs({"full": [100.0, 50.0, 100.0], "fast": [320.0, 160.0, 320.0]}, VERSIONS)
    assert found["fast"].times_full == pytest.approx(3.2)
    assert found["fast"].texts_per_s == 320
    assert found["fast"].us_per_text == pytest.approx(3125)
    assert found["full"].times_full == 1
    assert (found["full"].met, found["fast"].met) == (None, True)


@pytest.mark.parametrize(("rate", "met"), [(3000.0, True), (2999.0, False)])
def test_static_has_to_cost_a_thirtieth(rate: float, met: bool) -> None:
    assert costs({"full": [100.0], "static": [rate]}, VERSIONS)["static"].met is met


def test_without_the_full_tier_there_is_no_ratio() -> None:
    alone = costs({"static": [3000.0]}, VERSIONS)["static"]
    assert (alone.times_full, alone.met) == (None, None)
