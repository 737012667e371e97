"""Hedged reads: who wins, who is cancelled, and how many there may be."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.domain.errors import UnavailableError
from customerai.resilience.hedging import Hedge
from tests.unit.resilience.clock import Clock
from tests.unit.resilience.loops import without_complaint


class Part:
    """Each attempt waits for the test to say how it ends."""

    def __init__(self) -> None:
        self.attempts: list[asyncio.Future[str]] = []
        self.cancelled: list[int] = []
        self.begun = asyncio.Condition()

    async def __call__(self) -> str:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        number = len(self.attempts)
        self.attempts.append(answer)
        async with self.begun:
            self.begun.notify_all()
        try:
            return await answer
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise

    async def has_begun(self, count: int) -> None:
        async with self.begun:
            await self.begun.wait_for(lambda: len(self.attempts) >= count)


async def instantly() -> str:
    return "answer"


def always(delay: float = 0.0) -> Hedge:
    return Hedge(delay=delay, share=1.0)


async def test_a_quick_answer_is_not_asked_for_twice() -> None:
    hedge, asked = always(delay=60.0), 0

    async def attempt() -> str:
        nonlocal asked
        asked += 1
        return "answer"

    assert await hedge.call(attempt) == "answer"
    assert (asked, hedge.calls, hedge.hedged, hedge.won) == (1, 1, 0, 0)


@without_complaint()
async def test_the_second_wins_and_the_first_is_cancelled() -> None:
    hedge, part = always(), Part()
    call = asyncio.create_task(hedge.call(part))
    await part.has_begun(2)
    part.attempts[1].set_result("second")
    assert await call == "second"
    await asyncio.sleep(0)
    assert part.cancelled == [0]
    assert (hedge.hedged, hedge.won) == (1, 1)


async def test_the_first_wins_and_the_second_is_cancelled() -> None:
    hedge, part = always(), Part()
    call = asyncio.create_task(hedge.call(part))
    await part.has_begun(2)
    part.attempts[0].set_result("first")
    assert await call == "first"
    await asyncio.sleep(0)
    assert part.cancelled == [1]
    assert (hedge.hedged, hedge.won) == (1, 0)


@pytest.mark.parametrize("failing", [0, 1])
async def test_a_failure_of_one_leaves_the_other(failing: int) -> None:
    part = Part()
    call = asyncio.create_task(always().call(part))
    await part.has_begun(2)
    part.attempts[failing].set_exception(UnavailableError("part"))
    await asyncio.sleep(0)
    part.attempts[1 - failing].set_result("answer")
    assert await call == "answer"


@without_complaint()
async def test_where_both_fail_the_first_error_is_raised() -> None:
    part = Part()
    call = asyncio.create_task(always().call(part))
    await part.has_begun(2)
    part.attempts[1].set_exception(UnavailableError("second"))
    await asyncio.sleep(0)
    part.attempts[0].set_exception(UnavailableError("first"))
    with pytest.raises(UnavailableError) as raised:
        await call
    assert raised.value.part == "first"


async def test_an_early_error_is_not_hedged() -> None:
    asked = 0

    async def attempt() -> str:
        nonlocal asked
        asked += 1
        raise UnavailableError("part")

    with pytest.raises(UnavailableError):
        await always(delay=60.0).call(attempt)
    assert asked == 1


@without_complaint()
async def test_a_caller_that_goes_takes_both_along() -> None:
    part = Part()
    call = asyncio.create_task(always().call(part))
    await part.has_begun(2)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.sleep(0)
    assert sorted(part.cancelled) == [0, 1]


@without_complaint()
async def test_a_loser_that_fails_late_disturbs_nobody() -> None:
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise UnavailableError("part") from None
        return "never"

    attempts = iter([stubborn, instantly])
    assert await always().call(lambda: next(attempts)()) == "answer"
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@given(share=st.floats(min_value=0, max_value=1), calls=st.integers(1, 60))
async def test_no_more_than_the_share_is_hedged(share: float, calls: int) -> None:
    hedge = Hedge(delay=0.0, share=share)

    async def attempt() -> str:
        for _ in range(4):  # slower than no delay at all
            await asyncio.sleep(0)
        return "answer"

    for number in range(1, calls + 1):
        assert await hedge.call(attempt) == "answer"
        assert hedge.hedged <= share * number + 1e-9
    assert hedge.hedged >= min(calls, int(share * calls)) - 1


async def test_the_delay_follows_the_latencies() -> None:
    clock = Clock()
    hedge = Hedge(delay=60.0, quantile=0.9, clock=clock)

    async def taking(seconds: float) -> None:
        clock.advance(seconds)

    for milliseconds in range(1, 32):
        await hedge.call(lambda ms=milliseconds: taking(ms / 1000))  # type: ignore[misc]
    assert hedge.delay == 60.0  # too few to tell
    for milliseconds in range(32, 101):
        await hedge.call(lambda ms=milliseconds: taking(ms / 1000))  # type: ignore[misc]
    assert hedge.delay == pytest.approx(0.087)  # of the first 96: it is looked at now and then


async def test_errors_tell_nothing_about_latency() -> None:
    clock = Clock()
    hedge = Hedge(delay=60.0, quantile=0.5, clock=clock)

    async def fail() -> None:
        clock.advance(0.001)
        raise UnavailableError("part")

    for _ in range(100):
        with pytest.raises(UnavailableError):
            await hedge.call(fail)
    assert hedge.delay == 60.0


@pytest.mark.parametrize(
    ("delay", "quantile", "share"), [(-1, None, 0.1), (1, 1.0, 0.1), (1, None, 1.1)]
)
def test_a_hedge_must_make_sense(delay: float, quantile: float | None, share: float) -> None:
    with pytest.raises(ValueError, match="hedge"):
        Hedge(delay=delay, quantile=quantile, share=share)


async def test_a_cancellation_from_outside_is_not_taken_for_the_second_attempt_s() -> None:
    """Both in the same turn of the loop: the second ends as somebody cancels the caller."""
    hedge = Hedge(delay=0.0, share=1.0)
    second = asyncio.Event()
    went_on = False
    attempts = 0

    async def attempt() -> str:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await asyncio.sleep(60)
        await second.wait()
        return "second"

    async def caller() -> None:
        nonlocal went_on
        await hedge.call(attempt)
        went_on = True

    task = asyncio.create_task(caller())
    while attempts < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    second.set()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not went_on


async def test_an_interruption_that_became_an_error_leaves_no_cancellation_behind() -> None:
    hedge = Hedge(delay=0.0, share=1.0)
    attempts = 0

    async def attempt() -> str:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise ValueError("made something else of it") from None
        return "second"

    assert await hedge.call(attempt) == "second"
    me = asyncio.current_task()
    assert me is not None
    assert me.cancelling() == 0
