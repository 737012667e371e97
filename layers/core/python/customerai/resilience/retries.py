"""Repeated attempts that do not make an outage worse.

Waits are random between 0 and a limit that doubles ("full jitter":
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). A budget shared by all
calls of a client bounds how many of them are retries, whatever the number of attempts allowed to
each: as botocore's retry quota and gRPC's retry throttling do.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from customerai.domain.errors import UnavailableError
from customerai.resilience import deadline
from customerai.resilience.refusal import RefusedError

T = TypeVar("T")

_MOST_DOUBLINGS = 30


def is_unavailable(error: Exception) -> bool:
    """Whether a part did not answer; what this process refused by itself is none of these."""
    return isinstance(error, UnavailableError) and not isinstance(error, RefusedError)


class RetryBudget:
    """Tokens: a retry takes ``cost`` of them, a success gives ``refund`` back, up to ``capacity``.

    While everything fails there are ``capacity / cost`` retries and then none. While some calls
    work, retries are at most the share ``refund / cost`` of them.
    """

    def __init__(self, capacity: float = 10.0, cost: float = 1.0, refund: float = 0.1) -> None:
        if not 0 < cost <= capacity or refund < 0:
            raise ValueError("a budget needs 0 < cost <= capacity and 0 <= refund")
        self._capacity = capacity
        self._cost = cost
        self._refund = refund
        self._tokens = capacity

    @property
    def tokens(self) -> float:
        return self._tokens

    def take(self) -> bool:
        """Pay for a retry; False where the tokens do not suffice."""
        if self._tokens < self._cost:
            return False
        self._tokens -= self._cost
        return True

    def succeeded(self) -> None:
        self._tokens = min(self._capacity, self._tokens + self._refund)


class Retries:
    """Up to ``attempts`` of each call to ``part``, its first included.

    ``first`` and ``longest`` bound the waits, in seconds. ``retry_after`` says for how many seconds
    an error asks to be left alone, or None. A retry that could not start before the deadline is not
    waited for.
    """

    def __init__(
        self,
        part: str,
        *,
        attempts: int = 3,
        first: float = 0.05,
        longest: float = 1.0,
        budget: RetryBudget | None = None,
        is_retryable: Callable[[Exception], bool] = is_unavailable,
        retry_after: Callable[[Exception], float | None] = lambda _: None,
        rng: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if attempts < 1:
            raise ValueError("a call needs an attempt at least")
        self._part = part
        self._attempts = attempts
        self._first = first
        self._longest = longest
        self._budget = budget or RetryBudget()
        self._is_retryable = is_retryable
        self._retry_after = retry_after
        self._rng = rng
        self._sleep = sleep

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The first answer, or the last attempt's error.

        Raises ``UnavailableError`` where the deadline has passed before the first attempt.
        """
        deadline.require(self._part)
        failures = 0
        while True:
            try:
                answer = await attempt()
            except Exception as error:
                failures += 1
                if failures >= self._attempts or not self._is_retryable(error):
                    raise
                wait = self._wait(failures, error)
                if wait >= deadline.remaining() or not self._budget.take():
                    raise
            else:
                self._budget.succeeded()
                return answer
            await self._sleep(wait)

    def _wait(self, failures: int, error: Exception) -> float:
        """Seconds. What the error asks for comes on top, so that not all come back together."""
        doubled = self._first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        return self._rng() * min(self._longest, doubled) + (self._retry_after(error) or 0.0)
