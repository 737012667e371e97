"""Retries: how often, how long between, and when not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.domain.errors import NotFoundError, UnavailableError
from customerai.resilience import deadline
from customerai.resilience.refusal import RefusedError
from customerai.resilience.retries import Retries, RetryBudget
from tests.unit.resilience.clock import Clock


class Part:
    """Raises what it is given, one error a call, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


class Waits(list[float]):
    """Takes the place of sleeping."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self.clock = clock or Clock()

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)
        self.clock.advance(seconds)


def down(times: int) -> list[Exception]:
    return [UnavailableError("part") for _ in range(times)]


async def test_an_answer_is_not_asked_for_twice() -> None:
    part, waits = Part(), Waits()
    assert await Retries("part", sleep=waits).call(part) == "answer"
    assert (part.calls, waits) == (1, [])


async def test_what_comes_back_in_time_is_no_error() -> None:
    part, waits = Part(*down(2)), Waits()
    assert await Retries("part", attempts=3, sleep=waits).call(part) == "answer"
    assert part.calls == 3
    assert len(waits) == 2


async def test_the_last_error_is_raised() -> None:
    last = UnavailableError("last")
    part = Part(*down(2), last, *down(1))
    with pytest.raises(UnavailableError) as raised:
        await Retries("part", attempts=3, sleep=Waits()).call(part)
    assert raised.value is last
    assert part.calls == 3


@pytest.mark.parametrize("error", [NotFoundError(), RefusedError("part"), ValueError()])
async def test_an_answer_that_says_no_is_an_answer(error: Exception) -> None:
    part = Part(error)
    with pytest.raises(type(error)):
        await Retries("part", sleep=Waits()).call(part)
    assert part.calls == 1


async def test_the_caller_says_what_may_be_tried_again() -> None:
    part = Part(ValueError("a"), ValueError("b"))
    retries = Retries("part", is_retryable=lambda error: str(error) == "a", sleep=Waits())
    with pytest.raises(ValueError, match="b"):
        await retries.call(part)


@given(
    first=st.floats(min_value=0.001, max_value=10),
    longest=st.floats(min_value=0.001, max_value=10),
    draw=st.floats(min_value=0, max_value=1, exclude_max=True),
    attempts=st.integers(min_value=1, max_value=60),
)
async def test_each_wait_lies_between_nothing_and_a_limit_that_doubles(
    first: float, longest: float, draw: float, attempts: int
) -> None:
    waits = Waits()
    retries = Retries(
        "part",
        attempts=attempts,
        first=first,
        longest=longest,
        budget=RetryBudget(capacity=1000),
        rng=lambda: draw,
        sleep=waits,
    )
    assert await retries.call(Part(*down(attempts - 1))) == "answer"
    assert waits == pytest.approx([draw * min(longest, first * 2**n) for n in range(attempts - 1)])


async def test_a_part_that_asks_to_be_left_alone_is() -> None:
    waits = Waits()
    retries = Retries(
        "part",
        first=0.1,
        retry_after=lambda error: float(str(error)) if str(error).isdigit() else None,
        is_retryable=lambda _: True,
        rng=lambda: 0.5,
        sleep=waits,
    )
    assert await retries.call(Part(ValueError("7"), ValueError("soon"))) == "answer"
    assert waits == pytest.approx([7.05, 0.1])


async def test_no_retry_is_waited_for_that_would_come_too_late() -> None:
    clock = Clock()
    waits, part = Waits(clock), Part(*down(9))
    retries = Retries("part", attempts=9, first=1.0, longest=1.0, rng=lambda: 1.0, sleep=waits)
    with deadline.within(2.5, clock), pytest.raises(UnavailableError):
        await retries.call(part)
    assert waits == [1.0, 1.0]
    assert part.calls == 3


async def test_a_retry_that_was_not_begun_costs_nothing() -> None:
    budget, clock = RetryBudget(capacity=1), Clock()
    retries = Retries("part", first=9, rng=lambda: 1.0, budget=budget, sleep=Waits(clock))
    with deadline.within(1.0, clock), pytest.raises(UnavailableError):
        await retries.call(Part(*down(3)))
    assert budget.tokens == 1


async def test_nothing_is_asked_after_the_deadline() -> None:
    part, clock = Part(), Clock()
    with deadline.within(1.0, clock):
        clock.advance(1.0)
        with pytest.raises(UnavailableError):
            await Retries("part").call(part)
    assert part.calls == 0


async def test_in_an_outage_retries_cease() -> None:
    budget = RetryBudget(capacity=10, cost=1, refund=0.1)
    calls = 0
    for _ in range(1000):
        part = Part(*down(3))
        with pytest.raises(UnavailableError):
            await Retries("part", attempts=3, budget=budget, sleep=Waits()).call(part)
        calls += part.calls
    assert calls == 1000 + 10


async def test_answers_bring_retries_back() -> None:
    budget = RetryBudget(capacity=1, cost=1, refund=0.25)
    retries = Retries("part", budget=budget, sleep=Waits())
    assert await retries.call(Part(*down(1))) == "answer"  # the budget is spent but for a refund
    with pytest.raises(UnavailableError):
        await retries.call(Part(*down(1)))
    for _ in range(3):
        await retries.call(Part())
    assert await retries.call(Part(*down(1))) == "answer"


@given(st.lists(st.booleans(), max_size=300))
def test_a_budget_bounds_retries_to_its_capacity_and_a_share_of_successes(
    outcomes: list[bool],
) -> None:
    budget, retried, succeeded = RetryBudget(capacity=5, cost=2, refund=0.5), 0, 0
    for worked in outcomes:
        if worked:
            budget.succeeded()
            succeeded += 1
        else:
            retried += budget.take()
        assert 0 <= budget.tokens <= 5
    assert retried * 2 <= 5 + succeeded * 0.5


@pytest.mark.parametrize(("cost", "refund"), [(0, 1), (11, 1), (1, -1)])
def test_a_budget_must_make_sense(cost: float, refund: float) -> None:
    with pytest.raises(ValueError, match="budget"):
        RetryBudget(10, cost, refund)


def test_there_is_a_first_attempt() -> None:
    with pytest.raises(ValueError, match="attempt"):
        Retries("part", attempts=0)
