"""What a server promised, what it kept, and whose answers count."""

from __future__ import annotations

import pytest

from tests.performance.serving.client import CLOSED, UNANSWERED, Exchange, Load
from tests.performance.serving.saturation import (
    LengthClass,
    Overload,
    class_bounds,
    median_overload,
    overload,
)

DEADLINE = 0.5


def exchange(
    latency: float, status: int = 200, *, lag: float = 0.0, due: float = 1.0, request: int = 0
) -> Exchange:
    """`latency` is from when it was due; the measured time is 0 to 2 unless a test says so."""
    return Exchange(due, due + lag, due + latency, status, request)


def judged(*exchanges: Exchange, tokens: tuple[int, ...] = (10,)) -> Overload:
    load = Load(list(exchanges), 0.0, 2.0, client_cores=0.3, most_under_way=7)
    return overload(load, DEADLINE, tokens)


def test_only_429_and_503_are_refusals() -> None:
    found = judged(
        *[exchange(0.1)] * 6,
        *[exchange(0.01, 503)] * 2,
        exchange(0.01, 429),
        exchange(0.5, 504),
        *[exchange(0.2, 500)] * 3,
        exchange(0.01, CLOSED),
        exchange(3, UNANSWERED),
        exchange(0.7),
    )
    assert found.refused == {"429": 1, "503": 2}
    assert found.broken == {"504": 1, "500": 3, "closed": 1, "unanswered": 1, "late": 1}
    assert found.offered_per_s == 8
    assert found.goodput_per_s == 3
    assert found.accepted_p99_ms == pytest.approx(700)
    assert found.deadline_ms == 500
    assert found.most_under_way == 7


def test_what_the_client_held_back_is_not_the_servers_lateness() -> None:
    found = judged(exchange(0.6, lag=0.2), exchange(0.6, lag=0.05), exchange(0.4))
    assert found.late_by_intended == 2
    assert found.late_by_sent == 1
    assert found.broken == {"late": 1}
    assert found.client_lag_p99_ms == pytest.approx(200)
    assert found.goodput_per_s == 0.5


@pytest.mark.parametrize(
    ("due", "counts"), [(-0.2, False), (-0.1, True), (1.8, True), (1.9, False), (2.1, False)]
)
def test_goodput_is_of_answers_within_the_measured_time(due: float, counts: bool) -> None:
    """The answer comes 0.1 s later; the time is from 0 to 2."""
    found = judged(exchange(0.1, due=due))
    assert found.goodput_per_s == (0.5 if counts else 0.0)
    assert found.offered_per_s == (0.5 if 0 <= due < 2 else 0.0)


@pytest.mark.parametrize("due", [-0.5, 1.99, 2.3])
def test_a_promise_holds_outside_of_the_measured_time_too(due: float) -> None:
    assert judged(exchange(0.5, 504, due=due)).broken == {"504": 1}
    assert judged(exchange(0.6, due=due)).broken == {"late": 1}


def test_starving_long_texts_shows() -> None:
    """Ten lengths, each asked once; what is longer than 50 tokens is refused."""
    tokens = tuple(range(10, 110, 10))
    found = judged(
        *(exchange(0.1, 200 if tokens[i] <= 50 else 503, request=i) for i in range(10)),
        exchange(0.5, 504, request=9),
        tokens=tokens,
    )
    assert class_bounds(tokens) == [30, 50, 80, 90, 100]
    assert found.classes == [
        LengthClass(30, offered=3, in_time=3, refused=0),
        LengthClass(50, offered=2, in_time=2, refused=0),
        LengthClass(80, offered=3, in_time=0, refused=3),
        LengthClass(90, offered=1, in_time=0, refused=1),
        LengthClass(100, offered=2, in_time=0, refused=1),
    ]
    assert found.goodput_per_s == 2.5
    assert found.goodput_tokens_per_s == (10 + 20 + 30 + 40 + 50) / 2


def test_it_may_accept_nothing() -> None:
    found = judged(exchange(0.1, 503))
    assert (found.goodput_per_s, found.accepted_p99_ms, found.broken) == (0, 0, {})
    assert judged().offered_per_s == 0


def test_rounds_become_medians_sums_and_the_clients_worst() -> None:
    slow = judged(exchange(2), exchange(0.3, 503, lag=0.2))
    quick = judged(*[exchange(0.5)] * 2)
    both = median_overload([slow, quick])
    assert both.goodput_per_s == 0.5
    assert both.broken == {"late": 1}
    assert both.late_by_intended == 1
    assert both.refused == {"503": 1}
    assert both.client_lag_p99_ms == pytest.approx(200)
    assert both.classes == [LengthClass(10, offered=4, in_time=2, refused=1)]
