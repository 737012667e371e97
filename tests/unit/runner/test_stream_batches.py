"""The rules of a stream mapping, with functions that fail in every way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions._runner.pool import FunctionError
from functions._runner.stream_batches import Failure, FailureRules, Record, Steps, settle

FAILURE = FunctionError({"errorType": "ValueError", "errorMessage": "poison"})


def record(number: int) -> Record:
    """One that was written `number` seconds after the clock began."""
    change = {"SequenceNumber": str(number), "ApproximateCreationDateTime": float(number)}
    return {"dynamodb": change}


def number_of(record: Record) -> int:
    return int(record["dynamodb"]["SequenceNumber"])


class Run:
    """What happened to the records 1 to `count`."""

    def __init__(self, count: int, answer: Callable[[list[int]], Any]) -> None:
        self.records = [record(number) for number in range(1, count + 1)]
        self.answer = answer
        self.batches: list[list[int]] = []
        self.checkpoints: list[int] = []
        self.given_up: list[int] = []
        self.failures: list[Failure] = []
        self.pauses: list[int] = []
        self.now = 0.0

    async def invoke(self, records: Sequence[Record]) -> Any:
        self.batches.append([number_of(each) for each in records])
        return self.answer(self.batches[-1])

    async def checkpoint(self, record: Record) -> None:
        self.checkpoints.append(number_of(record))

    async def give_up(self, records: Sequence[Record], failure: Failure) -> None:
        self.given_up += [number_of(each) for each in records]
        self.failures.append(failure)

    async def pause(self, failures: int) -> None:
        self.pauses.append(failures)
        self.now += 1

    async def settle(
        self, *, bisect: bool = True, retries: int = 2, max_age: int = -1, reports: bool = True
    ) -> None:
        steps = Steps(self.invoke, self.checkpoint, self.give_up, self.pause, lambda: self.now)
        await settle(self.records, FailureRules(bisect, retries, max_age, reports), steps)


def raising_on(*poison: int) -> Callable[[list[int]], Any]:
    def answer(batch: list[int]) -> Any:
        if set(poison) & set(batch):
            raise FAILURE
        return {}

    return answer


def reporting(*poison: int) -> Callable[[list[int]], Any]:
    return lambda batch: {
        "batchItemFailures": [{"itemIdentifier": str(n)} for n in batch if n in poison]
    }


async def test_a_batch_that_succeeds_is_checkpointed_once() -> None:
    run = Run(3, lambda _: None)
    await run.settle()
    assert (run.batches, run.checkpoints, run.given_up) == ([[1, 2, 3]], [3], [])


async def test_what_came_before_the_first_reported_record_is_kept() -> None:
    run = Run(5, reporting(3, 5))
    await run.settle(bisect=False, retries=1)
    assert run.batches == [[1, 2, 3, 4, 5], [3, 4, 5]]
    assert run.checkpoints == [2, 5]
    assert run.given_up == [3, 4, 5]


async def test_a_failed_batch_is_halved_until_the_poison_is_alone() -> None:
    run = Run(4, raising_on(3))
    await run.settle(retries=0)
    assert run.batches == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]
    assert run.checkpoints == [2, 3, 4]
    assert run.given_up == [3]


async def test_without_bisect_the_whole_batch_is_tried_again() -> None:
    run = Run(2, raising_on(2))
    await run.settle(bisect=False, retries=2)
    assert run.batches == [[1, 2]] * 3
    assert run.given_up == [1, 2]
    assert run.failures == [Failure("RetryAttemptsExhausted", 3, str(FAILURE))]


async def test_a_passing_failure_costs_nothing() -> None:
    failures = iter([True, True, False])

    def answer(_: list[int]) -> None:
        if next(failures):
            raise FAILURE

    run = Run(1, answer)
    await run.settle(retries=5)
    assert (run.given_up, run.checkpoints, run.pauses) == ([], [1], [0, 1])


async def test_without_a_limit_nothing_is_given_up_by_count_or_age() -> None:
    left = iter(range(20_001))

    def answer(_: list[int]) -> None:
        if next(left) < 20_000:
            raise FAILURE

    run = Run(1, answer)
    await run.settle(retries=-1)
    assert (run.given_up, run.checkpoints, len(run.pauses)) == ([], [1], 20_000)


async def test_what_fails_until_it_is_too_old_is_given_up_and_the_rest_goes_on() -> None:
    run = Run(4, raising_on(2))
    await run.settle(retries=-1, max_age=60)
    # Record 2 is 60 s old at 62 s and older at 63 s: it was tried once in each second before.
    assert run.given_up == [2]
    assert run.failures == [Failure("RecordAgeExceeded", 63, str(FAILURE))]
    assert run.batches[-1] == [3, 4]
    assert run.checkpoints == [1, 2, 4]


async def test_a_batch_that_is_too_old_goes_whole_and_untried() -> None:
    run = Run(3, lambda _: None)
    run.now = 61.5
    await run.settle(max_age=60)
    assert (run.batches, run.given_up, run.checkpoints) == ([], [1, 2, 3], [3])
    assert run.failures == [Failure("RecordAgeExceeded", 0, "never tried")]


async def test_a_count_ends_before_an_age_that_is_further_away() -> None:
    run = Run(1, raising_on(1))
    await run.settle(retries=2, max_age=60)
    assert [failure.condition for failure in run.failures] == ["RetryAttemptsExhausted"]


async def test_what_comes_after_a_reported_record_keeps_its_own_age() -> None:
    run = Run(5, reporting(3))
    await run.settle(bisect=False, retries=-1, max_age=60)
    assert run.batches[:2] == [[1, 2, 3, 4, 5], [3, 4, 5]]
    assert run.given_up == [3, 4, 5]
    assert run.checkpoints == [2, 5]


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": "99"}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{}]},
    ],
)
async def test_a_report_of_unknown_records_fails_the_batch(answer: Any) -> None:
    run = Run(1, lambda _: answer)
    await run.settle(retries=0)
    assert run.given_up == [1]


async def test_reports_count_only_where_the_mapping_asks_for_them() -> None:
    run = Run(2, reporting(1))
    await run.settle(reports=False)
    assert (run.batches, run.checkpoints, run.given_up) == ([[1, 2]], [2], [])


async def test_what_the_steps_raise_ends_the_batch_before_its_checkpoint() -> None:
    run = Run(1, raising_on(1))

    async def unavailable(*_: Any) -> None:
        raise ConnectionError

    steps = Steps(run.invoke, run.checkpoint, unavailable, run.pause)
    with pytest.raises(ConnectionError):
        await settle(run.records, FailureRules(True, 0, -1, True), steps)
    assert run.checkpoints == []


@given(
    count=st.integers(1, 40),
    raised=st.sets(st.integers(1, 40), max_size=4),
    reported=st.sets(st.integers(1, 40), max_size=4),
    retries=st.integers(0, 2),
)
async def test_with_bisect_only_poison_is_given_up_and_the_order_holds(
    count: int, raised: set[int], reported: set[int], retries: int
) -> None:
    def answer(batch: list[int]) -> Any:
        raising_on(*raised)(batch)
        return reporting(*reported)(batch)

    run = Run(count, answer)
    await run.settle(retries=retries)
    poison = {number for number in raised | reported if number <= count}
    assert set(run.given_up) == poison
    assert run.checkpoints == sorted(run.checkpoints)
    assert run.checkpoints[-1] == count
    firsts = [batch[0] for batch in run.batches]
    assert firsts == sorted(firsts)
