"""How one batch of stream records comes to its end: the rules of a Lambda event source mapping.

Reference: https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions._runner.pool import FunctionError

Record = Mapping[str, Any]


@dataclass(frozen=True)
class FailureRules:
    """`retries` below zero: without end; `max_age` in seconds, below zero: of any age."""

    bisect: bool
    retries: int
    max_age: int
    reports_failures: bool


@dataclass(frozen=True)
class Failure:
    """Why records were given up: Lambda's name for the reason, after how many attempts."""

    condition: str
    attempts: int
    error: str


@dataclass(frozen=True)
class Steps:
    """What settling a batch needs from outside; whatever they raise ends it, and it comes again."""

    invoke: Callable[[Sequence[Record]], Awaitable[Any]]
    checkpoint: Callable[[Record], Awaitable[None]]
    give_up: Callable[[Sequence[Record], Failure], Awaitable[None]]
    pause: Callable[[int], Awaitable[None]]
    now: Callable[[], float] = time.time


async def settle(records: Sequence[Record], rules: FailureRules, steps: Steps) -> None:
    """Handle the records in order until each has succeeded or has been given up.

    What succeeded is checkpointed at once. What failed is cut where the mapping says so, at the
    record that was reported or else in the middle, which costs no retry. Otherwise it is tried
    again after a pause, and given up after the last retry. A batch whose oldest record is too old
    is given up instead of being tried, whether it failed before or not.
    """
    pending: deque[tuple[Sequence[Record], int, str]] = deque([(records, 0, "never tried")])
    while pending:
        batch, failures, error = pending.popleft()
        if _is_too_old(batch, rules, steps):
            await steps.give_up(batch, Failure("RecordAgeExceeded", failures, error))
            await steps.checkpoint(batch[-1])
            continue
        done, error = await _attempt(batch, rules, steps)
        if done:
            await steps.checkpoint(batch[done - 1])
            failures = 0
        rest = batch[done:]
        if not rest:
            continue
        if rules.bisect and done:
            pending.appendleft((rest, 0, error))  # cut at the failed record
        elif rules.bisect and len(rest) > 1:
            middle = len(rest) // 2
            halves = rest[:middle], rest[middle:]
            pending.extendleft((half, failures, error) for half in reversed(halves))
        elif 0 <= rules.retries <= failures:
            await steps.give_up(rest, Failure("RetryAttemptsExhausted", failures + 1, error))
            await steps.checkpoint(rest[-1])
        else:
            await steps.pause(failures)
            pending.appendleft((rest, failures + 1, error))


def _is_too_old(batch: Sequence[Record], rules: FailureRules, steps: Steps) -> bool:
    # The records of a shard are in the order of their times: the first is the oldest.
    created = float(batch[0]["dynamodb"]["ApproximateCreationDateTime"])
    return 0 <= rules.max_age < steps.now() - created


async def _attempt(batch: Sequence[Record], rules: FailureRules, steps: Steps) -> tuple[int, str]:
    """How many of the batch's first records are done, and why no more are."""
    try:
        answer = await steps.invoke(batch)
    except FunctionError as error:
        return 0, str(error)
    if not rules.reports_failures or not isinstance(answer, Mapping):
        return len(batch), ""
    failed = {item.get("itemIdentifier") for item in answer.get("batchItemFailures") or ()}
    if not failed:
        return len(batch), ""
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    if not failed <= set(numbers):
        return 0, f"batchItemFailures names records that are not in the batch: {failed}"
    # Everything from the first failed record on comes again: the order within a shard is kept.
    first = min(numbers.index(number) for number in failed)
    return first, f"the function reported record {numbers[first]}"
