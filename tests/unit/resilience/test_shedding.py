"""Load shedding: who is let in, and what the limit learns."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.domain.errors import NotFoundError, UnavailableError
from customerai.resilience.refusal import RefusedError
from customerai.resilience.shedding import AdaptiveLimit, FixedLimit, LoadShedder, Priority
from tests.unit.resilience.clock import Clock

CRITICAL, STANDARD, BATCH = Priority.CRITICAL, Priority.STANDARD, Priority.BATCH


@contextmanager
def running(shedder: LoadShedder, count: int) -> Iterator[None]:
    with ExitStack() as places:
        for _ in range(count):
            places.enter_context(shedder.admit(CRITICAL))
        yield


def admits(shedder: LoadShedder, priority: Priority) -> bool:
    try:
        with shedder.admit(priority):
            return True
    except RefusedError:
        return False


@pytest.mark.parametrize(
    ("busy", "admitted"),
    [
        (0, {CRITICAL, STANDARD, BATCH}),
        (4, {CRITICAL, STANDARD, BATCH}),
        (5, {CRITICAL, STANDARD}),
        (8, {CRITICAL, STANDARD}),
        (9, {CRITICAL}),
        (10, set()),
    ],
)
def test_the_least_important_goes_first(busy: int, admitted: set[Priority]) -> None:
    shedder = LoadShedder("api", FixedLimit(10))
    with running(shedder, busy):
        assert {each for each in Priority if admits(shedder, each)} == admitted


def test_who_is_refused_is_told_when_to_come_back() -> None:
    shedder = LoadShedder("api", FixedLimit(1), retry_after=7)
    with running(shedder, 1), pytest.raises(RefusedError) as raised, shedder.admit(BATCH):
        pass
    assert (raised.value.part, raised.value.retry_after) == ("api", 7)
    assert shedder.refused == {CRITICAL: 0, STANDARD: 0, BATCH: 1}


def test_a_place_is_free_again_however_the_call_ends() -> None:
    shedder = LoadShedder("api", FixedLimit(1))
    for error in (UnavailableError("part"), NotFoundError(), KeyboardInterrupt()):
        with pytest.raises(type(error)), shedder.admit(STANDARD):
            raise error
    assert shedder.running == 0
    assert admits(shedder, BATCH)


@given(st.integers(1, 40), st.lists(st.sampled_from(Priority), max_size=80))
def test_the_limit_holds_and_importance_is_respected(limit: int, arrivals: list[Priority]) -> None:
    shedder = LoadShedder("api", FixedLimit(limit))
    order = list(Priority)
    with ExitStack() as places:
        for priority in arrivals:
            let_in = [each for each in order if admits(shedder, each)]
            assert let_in == order[: len(let_in)]  # never one without all that matter more
            try:
                places.enter_context(shedder.admit(priority))
            except RefusedError:
                assert priority not in let_in
            assert shedder.running <= limit
    assert shedder.running == 0


def test_it_grows_by_one_for_each_limit_full() -> None:
    limit = AdaptiveLimit(target=0.1, start=10, maximum=12)
    for _ in range(10):
        limit.observe(0.05, overloaded=False, running=10)
    assert limit.value == pytest.approx(11, abs=0.1)
    for _ in range(100):
        limit.observe(0.05, overloaded=False, running=10)
    assert limit.value == 12


def test_it_does_not_grow_while_nobody_needs_it() -> None:
    limit = AdaptiveLimit(target=0.1, start=10)
    for _ in range(100):
        limit.observe(0.01, overloaded=False, running=4)
    assert limit.value == 10


@pytest.mark.parametrize(("seconds", "overloaded"), [(0.2, False), (0.01, True)])
def test_it_shrinks_once_for_calls_that_ran_together(seconds: float, overloaded: bool) -> None:
    clock = Clock()
    limit = AdaptiveLimit(target=0.1, start=10, minimum=2, decrease=0.5, clock=clock)
    for _ in range(10):
        limit.observe(seconds, overloaded=overloaded, running=10)
    assert limit.value == 5
    for _ in range(10):
        clock.advance(0.1)
        limit.observe(seconds, overloaded=overloaded, running=10)
    assert limit.value == 2


def test_the_shedder_tells_its_limit() -> None:
    clock = Clock()
    limit = AdaptiveLimit(target=1.0, start=4, decrease=0.5, clock=clock)
    shedder = LoadShedder("api", limit, clock=clock)
    with running(shedder, 2):
        clock.advance(5.0)
    assert limit.value == 2
    clock.advance(5.0)
    with pytest.raises(UnavailableError), shedder.admit(CRITICAL):
        raise UnavailableError("part")
    assert limit.value == 1
    with running(shedder, 1):
        assert not admits(shedder, CRITICAL)


def test_an_answer_that_says_no_is_no_overload() -> None:
    limit = AdaptiveLimit(target=1.0, start=4)
    with pytest.raises(NotFoundError), LoadShedder("api", limit).admit(CRITICAL):
        raise NotFoundError
    assert limit.value >= 4


def test_limits_must_make_sense() -> None:
    with pytest.raises(ValueError, match="limit"):
        FixedLimit(0)
    with pytest.raises(ValueError, match="limit"):
        AdaptiveLimit(target=1.0, start=5, maximum=4)
