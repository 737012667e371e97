from __future__ import annotations

import pytest

from functions._runner.backoff import backoff


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0.1), (1, 0.2), (5, 3.2), (6, 5.0), (100_000, 5.0)]
)
def test_the_pause_doubles_up_to_its_limit(failures: int, seconds: float) -> None:
    assert backoff(0.1, failures, 5.0) == pytest.approx(seconds)
