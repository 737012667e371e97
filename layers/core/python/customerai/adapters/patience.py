"""Calls that nobody waits for longer than so long, whatever it is that hangs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from customerai.adapters import aws
from customerai.domain.errors import UnavailableError

T = TypeVar("T")


class Patience:
    """Waits for calls of one ``part`` on threads of its own, and leaves behind what takes too long.

    A client's time-outs are not enough: each is for one step. A name that does not resolve, several
    addresses that are tried in turn or an answer that comes in drops outlast all of them.

    What is left behind goes on until it fails by itself, and holds its thread. While all threads
    are held, whoever calls waits for one, and no longer than they would have for the answer.
    """

    def __init__(self, part: str) -> None:
        self._part = part
        self._pool = ThreadPoolExecutor(aws.CONCURRENCY, thread_name_prefix=part)

    def wait(self, seconds: float, call: Callable[[], T]) -> T:
        """What ``call`` returns or raises. Raises ``UnavailableError`` where that takes longer."""
        future = self._pool.submit(call)
        if not wait([future], max(0.0, seconds)).done:
            future.cancel()  # what has no thread yet needs none any more
            raise UnavailableError(self._part)
        return future.result()
